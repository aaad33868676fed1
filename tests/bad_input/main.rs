//! What a broker makes of hosts that cannot carry it, of clients that send nonsense, send too
//! much, or do not read, and of a disk that is full. Real processes, real sockets, real disks.

#[path = "../support/mod.rs"]
mod support;

mod client;
mod host;
mod limits;
mod memory;
mod streams;
mod volume;
mod full_disk;
mod directories;
mod watermark;
