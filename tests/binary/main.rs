//! The real binary, asked over the network.

mod broker;
mod console;
mod folders;
mod loading;
mod settings;
