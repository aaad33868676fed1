//! SIGTERM and SIGINT: the first stops the broker cleanly, the second at once.

use std::io;
use std::sync::Arc;
use std::thread;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::turn::Stop;

/// What a shell reports for a process that a signal ended: 128 and the signal's number.
const STATUS_OF_SIGNAL: i32 = 128;

/// Listen for signals, on a thread of its own, as long as the process lives.
pub(super) fn watch(stop: Arc<Stop>) -> io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    let listen = move || {
        for signal in signals.forever() {
            if stop.is_requested() {
                std::process::exit(STATUS_OF_SIGNAL + signal);
            }
            stop.request();
        }
    };
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(listen)?;
    Ok(())
}
