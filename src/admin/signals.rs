//! Ctrl-C and SIGTERM, told to the thread that decides.

use std::time::{Duration, Instant};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::Failure;
use super::network::Event;
use super::session::{Happening, Session};

/// From now on the first signal is a [`Happening::Interrupted`], and the second one ends the
/// process at once.
pub fn catch_signals(session: &Session) -> Result<(), Failure> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let sender = session.sender();
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            for (count, signal) in signals.forever().enumerate() {
                // Who asks twice does not want to wait.
                if count > 0 {
                    std::process::exit(128 + signal);
                }
                drop(sender.send(Event::Interrupted));
            }
        })?;
    Ok(())
}

/// Waits for so long; true if the person at the terminal wants an end before that.
pub fn is_interrupted_within(session: &mut Session, wait: Duration) -> Result<bool, Failure> {
    let deadline = Instant::now() + wait;
    loop {
        match session.next_happening(deadline)? {
            Some(Happening::Interrupted) => return Ok(true),
            // Connections that closed are made again when they are needed.
            Some(_) => {}
            None => return Ok(false),
        }
    }
}
