//! A settings file.

use forebay::config::ServeArguments;

/// `bytes` is a `server.properties`.
pub fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for is_strict in [false, true] {
        let arguments = ServeArguments {
            strict_config: is_strict,
            ..ServeArguments::default()
        };
        match arguments.resolve(Some(&text), "host") {
            Ok(startup) => {
                for warning in &startup.warnings {
                    one_line(&warning.to_string());
                }
            }
            Err(errors) => {
                assert!(!errors.is_empty(), "who refuses says why");
                for error in &errors {
                    one_line(&error.to_string());
                }
            }
        }
    }
}

fn one_line(told: &str) {
    assert!(!told.is_empty() && !told.contains('\n'), "{told:?}");
}
