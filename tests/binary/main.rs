//! The real binary, asked over the network.

mod broker;
mod compaction;
mod console;
mod folders;
mod loading;
mod recovery;
mod settings;
