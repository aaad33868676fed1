//! Ctrl-C and SIGTERM, told to the thread that decides.

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::Failure;
use super::network::Event;
use super::session::Session;

/// From now on the first signal is a happening, and the second one ends the
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
