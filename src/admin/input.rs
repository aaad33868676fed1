//! The records that a command is to write, read by a thread of their own.

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use super::network::Event;

/// What is handed over at once: enough to be quick, little enough to be bounded.
const PIECE_BYTES: usize = 256 << 10;

/// A record of the input.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct InputRecord {
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
}

/// Where the records come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// Lines of standard input.
    Lines {
        /// What stands between key and value, if there are keys.
        key_separator: Option<String>,
        /// The text of a value that is none.
        null: Option<String>,
    },
    /// One record a file, with its path as the key.
    Files(Vec<PathBuf>),
}

/// Starts reading. One piece comes as an event; each `()` sent back asks for another one.
pub fn start_reading(source: Source, events: SyncSender<Event>) -> io::Result<SyncSender<()>> {
    let (ask, asked) = sync_channel(1);
    thread::Builder::new()
        .name("input".to_owned())
        .spawn(move || {
            let end = match source {
                Source::Lines {
                    key_separator,
                    null,
                } => read_lines(key_separator.as_deref(), null.as_deref(), &events, &asked),
                Source::Files(paths) => read_files(&paths, &events, &asked),
            };
            // Nobody listens when the command has ended.
            drop(events.send(Event::InputEnd(end.err())));
        })?;
    Ok(ask)
}

/// True if the command wants more.
fn hand_over(
    piece: &mut Vec<InputRecord>,
    events: &SyncSender<Event>,
    asked: &Receiver<()>,
) -> bool {
    let piece = std::mem::take(piece);
    events.send(Event::Input(piece)).is_ok() && asked.recv().is_ok()
}

fn read_lines(
    key_separator: Option<&str>,
    null: Option<&str>,
    events: &SyncSender<Event>,
    asked: &Receiver<()>,
) -> io::Result<()> {
    let mut input = BufReader::with_capacity(PIECE_BYTES, io::stdin());
    let mut piece = Vec::new();
    let mut size = 0;
    loop {
        let mut line = Vec::new();
        if input.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        if line.last() == Some(&b'\n') {
            line.pop();
            if line.last() == Some(&b'\r') {
                line.pop();
            }
        }
        size += line.len();
        piece.push(record_of(&line, key_separator, null)?);
        // What is there is not kept waiting for what is not.
        if size >= PIECE_BYTES || input.buffer().is_empty() {
            size = 0;
            if !hand_over(&mut piece, events, asked) {
                return Ok(());
            }
        }
    }
    if !piece.is_empty() {
        hand_over(&mut piece, events, asked);
    }
    Ok(())
}

fn record_of(line: &[u8], separator: Option<&str>, null: Option<&str>) -> io::Result<InputRecord> {
    let (key, value) = match separator {
        None => (None, line),
        Some(separator) => {
            let separator = separator.as_bytes();
            let place = line
                .windows(separator.len())
                .position(|part| part == separator);
            let Some(place) = place else {
                let line = String::from_utf8_lossy(line);
                let text = format!("no key separator in the line {line:?}");
                return Err(io::Error::new(io::ErrorKind::InvalidData, text));
            };
            (
                Some(line[..place].to_vec()),
                &line[place + separator.len()..],
            )
        }
    };
    let is_null = null.is_some_and(|null| null.as_bytes() == value);
    Ok(InputRecord {
        key,
        value: (!is_null).then(|| value.to_vec()),
    })
}

fn read_files(
    paths: &[PathBuf],
    events: &SyncSender<Event>,
    asked: &Receiver<()>,
) -> io::Result<()> {
    for path in paths {
        let value = fs::read(path).map_err(|error| {
            io::Error::new(error.kind(), format!("{}: {error}", path.display()))
        })?;
        let key = path.as_os_str().as_encoded_bytes().to_vec();
        let record = InputRecord {
            key: Some(key),
            value: Some(value),
        };
        if !hand_over(&mut vec![record], events, asked) {
            return Ok(());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_at_the_first_separator() {
        let record = record_of(b"a:=b:=c", Some(":="), None).unwrap();
        assert_eq!(record.key.as_deref(), Some(b"a".as_slice()));
        assert_eq!(record.value.as_deref(), Some(b"b:=c".as_slice()));
        assert!(record_of(b"a", Some(":="), None).is_err());
        let record = record_of(b"k\tNULL", Some("\t"), Some("NULL")).unwrap();
        assert_eq!(record.value, None);
    }
}
