//! Much of everything: a corpus, connections, topics, and a broker that dies under load.

#[path = "../support/mod.rs"]
mod support;

mod connections;
mod corpus;
mod crash;
mod history;
mod topics;
mod workload;
