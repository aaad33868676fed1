//! Much of everything: a corpus, connections, topics, a broker that dies under load, and one whose
//! disk does.

#[path = "../support/mod.rs"]
mod support;

mod connections;
mod corpus;
mod crash;
mod history;
mod power_cut;
mod topics;
mod trace;
mod workload;
