//! The question before something is gone for good.

use std::io::{self, BufRead, IsTerminal, Write};

use super::Failure;

/// Returns if the person agrees to `action`, or has said `--yes` already.
pub fn confirm(yes: bool, action: &str) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        let text = format!("will not {action} without --yes: there is no terminal to ask on");
        return Err(Failure::Usage(text));
    }
    eprint!("{action}? [y/N] ");
    io::stderr().flush()?;
    let mut reply = String::new();
    io::stdin().lock().read_line(&mut reply)?;
    if matches!(reply.trim(), "y" | "Y" | "yes") {
        return Ok(());
    }
    Err(Failure::Failed("nothing was changed".to_owned()))
}
