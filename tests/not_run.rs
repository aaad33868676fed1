//! The end of the list: which tests could not run for want of a tool.

use std::io::Write;

#[path = "support/mod.rs"]
mod support;

#[test]
fn every_test_that_did_not_run_is_named_at_the_end() {
    let lines = support::all_not_run();
    let mut report = format!("\ntests not run for want of a tool: {}\n", lines.len());
    report.extend(lines.iter().map(String::as_str));
    // Written to the file descriptor itself: the test's own output would be captured.
    std::io::stderr()
        .write_all(report.as_bytes())
        .expect("stderr takes lines");
}
