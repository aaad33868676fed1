//! The real binary, asked over the network.

mod broker;
mod console;
mod loading;
mod settings;
