//! A line on the terminal that shows that long work goes on.

use std::io::{IsTerminal, stderr, stdin, stdout};
use std::time::Duration;

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};

/// Work shorter than this shows nothing.
const SHOWN_AFTER: Duration = Duration::from_secs(1);

/// Progress of records, on standard error and only on a terminal.
#[derive(Debug)]
pub struct Progress {
    bar: Option<ProgressBar>,
    is_wanted: bool,
}

impl Progress {
    /// Of records that come from standard input, unless a person types them.
    pub fn of_input() -> Self {
        Self::shown_if(!stdin().is_terminal())
    }

    /// Of records that go to standard output, unless a person reads them there.
    pub fn of_output() -> Self {
        Self::shown_if(!stdout().is_terminal())
    }

    /// Of nothing.
    pub const fn none() -> Self {
        Self {
            bar: None,
            is_wanted: false,
        }
    }

    /// Of work on so many bytes.
    pub fn of_work(total_bytes: u64) -> Self {
        let mut progress = Self::shown_if(true);
        if progress.is_wanted {
            let template = "{wide_bar} {bytes} of {total_bytes}  {msg}  {eta}";
            let style = ProgressStyle::with_template(template);
            let style = style.expect("the template is a valid one");
            progress.bar = Some(ProgressBar::new(total_bytes).with_style(style));
        }
        progress
    }

    /// So many of the bytes are done, now at work on `what`.
    pub fn advance(&self, bytes: u64, what: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(what.to_owned());
            bar.inc(bytes);
        }
    }

    /// Print something without the line in its way.
    pub fn aside<T>(&self, print: impl FnOnce() -> T) -> T {
        match &self.bar {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }

    fn shown_if(is_wanted: bool) -> Self {
        Self {
            bar: None,
            is_wanted: is_wanted && stderr().is_terminal(),
        }
    }

    /// So much has been done since the start.
    pub fn update(&mut self, elapsed: Duration, records: u64, bytes: u64) {
        if !self.is_wanted || elapsed < SHOWN_AFTER {
            return;
        }
        let bar = self.bar.get_or_insert_with(|| {
            let style = ProgressStyle::with_template("{spinner} {msg}  {elapsed}");
            let style = style.expect("the template is a valid one");
            ProgressBar::new_spinner().with_style(style)
        });
        let rate = rate_of(bytes, elapsed);
        bar.set_message(format!(
            "{} records  {}  {}/s",
            HumanCount(records),
            HumanBytes(bytes),
            HumanBytes(rate)
        ));
        bar.tick();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Bytes a second.
pub fn rate_of(bytes: u64, elapsed: Duration) -> u64 {
    let ms = u64::try_from(elapsed.as_millis())
        .unwrap_or(u64::MAX)
        .max(1);
    bytes.saturating_mul(1000) / ms
}
