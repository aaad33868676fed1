//! Which way of syncing writes is faster in a log directory: measured at the first start there, and
//! noted in a file beside the logs, which Apache Kafka ignores.
//!
//! A device that takes writes past its cache favours `O_DSYNC`; one without that has its whole
//! cache flushed either way, and then it depends on the file system and on what a second request
//! costs. So both are timed as a shard uses them.
//!
//! The note is a measurement and no datum. One that is damaged, from another disk or in another
//! format, also a newer one, is of no use, and its place is taken by a new one.

use std::ffi::CString;
use std::fmt::{self, Write as _};
use std::fs::{self, File};
use std::io::{self, Read};
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use glommio::{LocalExecutorBuilder, Placement};

use crate::config::SyncMethod;

use super::broker::PREEMPT_AFTER;
use super::disk::{Timed, WRITES_BYTES, time_syncs};

/// The note's name.
const NOTE_NAME: &str = "forebay-sync-method";

/// The format that is written, and the only one that is read.
const FORMAT_VERSION: u32 = 1;

/// More than any note has.
const NOTE_BYTES_MAX: u64 = 4096;

/// By how many percent fdatasync must be faster to be taken: less may be noise, and it costs a
/// second request for every write.
const MARGIN_PERCENT: u32 = 20;

/// With fewer rounds fdatasync is not taken: the disk turns, and both wait for its rotation, or the
/// machine was busy with something else.
const ROUNDS_MIN: usize = 9;

/// The memory of the executor that measures: room for a few writes.
const IO_MEMORY_BYTES: usize = 1 << 20;

/// What was measured in a directory.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Measurement(Timed);

impl Measurement {
    fn faster(&self) -> SyncMethod {
        let Timed { rounds, medians } = self.0;
        let [dsync, fdatasync] = medians.map(|medians| medians.iter().sum::<Duration>());
        let is_faster = fdatasync * 100 < dsync * (100 - MARGIN_PERCENT);
        if is_faster && rounds >= ROUNDS_MIN {
            SyncMethod::Fdatasync
        } else {
            SyncMethod::Dsync
        }
    }
}

impl fmt::Display for Measurement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [small, large] = WRITES_BYTES.map(|bytes| bytes >> 10);
        let Timed { rounds, medians } = self.0;
        let [dsync, fdatasync] = medians.map(|medians| medians.map(|median| median.as_micros()));
        write!(
            formatter,
            "{small} KiB take {} us with O_DSYNC and {} us with fdatasync, {large} KiB {} and {}, \
             medians of {rounds}",
            dsync[0], fdatasync[0], dsync[1], fdatasync[1]
        )
    }
}

/// How writes in a directory are synced, and why.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct SyncChoice {
    pub method: SyncMethod,
    /// For the operator.
    pub reason: String,
    /// False if the next start will measure again.
    pub is_settled: bool,
}

impl SyncChoice {
    /// What the operator has set.
    pub(super) fn set(method: SyncMethod) -> Self {
        Self {
            method,
            reason: "forebay.sync.method says so".to_owned(),
            is_settled: true,
        }
    }

    fn measured(measurement: Measurement, when: &str) -> Self {
        Self {
            method: measurement.faster(),
            reason: format!("{measurement}, {when}"),
            is_settled: true,
        }
    }

    fn unmeasured(error: &io::Error) -> Self {
        Self {
            method: SyncMethod::Dsync,
            reason: format!(
                "which is faster could not be measured ({error}); the next start tries again"
            ),
            is_settled: false,
        }
    }
}

/// What is known of a directory before anything is measured.
enum Known {
    Chosen(SyncChoice),
    /// It is to be measured, for the reason `when`, and noted.
    Nothing {
        place: Place,
        when: String,
    },
}

/// Choose for each of these directories, which this process has taken: by its note, or else by a
/// measurement, which is noted. Those without a note are measured at once.
pub(super) fn choose(directories: &[PathBuf]) -> Vec<SyncChoice> {
    let known: Vec<Known> = directories.iter().map(|path| look(path)).collect();
    let is_unknown = |(known, _): &(&Known, &PathBuf)| matches!(known, Known::Nothing { .. });
    let unknown = known.iter().zip(directories).filter(is_unknown);
    let unknown: Vec<PathBuf> = unknown.map(|(_, path)| path.clone()).collect();
    let mut measured = measure(unknown).into_iter();
    let choose = |(known, path): (Known, &PathBuf)| match known {
        Known::Chosen(choice) => choice,
        Known::Nothing { place, when } => {
            let measured = measured.next().expect("all of them were measured");
            match measured {
                Ok(measurement) => note(&path.join(NOTE_NAME), place, measurement, &when),
                Err(error) => SyncChoice::unmeasured(&error),
            }
        }
    };
    known.into_iter().zip(directories).map(choose).collect()
}

fn look(directory: &Path) -> Known {
    let place = match Place::of(directory) {
        Ok(place) => place,
        Err(error) => return Known::Chosen(SyncChoice::unmeasured(&error)),
    };
    let when = match read_note(&directory.join(NOTE_NAME), place) {
        Ok(measurement) => {
            return Known::Chosen(SyncChoice::measured(measurement, "measured before"));
        }
        Err(None) => "measured now".to_owned(),
        Err(Some(fault)) => format!("measured now, since {NOTE_NAME} there {fault}"),
    };
    Known::Nothing { place, when }
}

fn note(path: &Path, place: Place, measurement: Measurement, when: &str) -> SyncChoice {
    let mut choice = SyncChoice::measured(measurement, when);
    if let Err(error) = fs::write(path, encode_note(measurement, place)) {
        // What a full disk took of it is room that others need.
        drop(fs::remove_file(path));
        let _ = write!(
            choice.reason,
            "; it cannot be noted ({error}), so the next start measures again"
        );
        choice.is_settled = false;
    }
    choice
}

/// Measure in all directories, on a thread with a ring of its own that ends with it.
fn measure(directories: Vec<PathBuf>) -> Vec<io::Result<Measurement>> {
    if directories.is_empty() {
        return Vec::new();
    }
    let count = directories.len();
    let run = move || -> io::Result<Vec<_>> {
        let executor = LocalExecutorBuilder::new(Placement::Unbound)
            .io_memory(IO_MEMORY_BYTES)
            .preempt_timer(PREEMPT_AFTER)
            .make()?;
        Ok(executor.run(async move {
            let begin = |path: PathBuf| {
                glommio::spawn_local(async move { time_syncs(&path).await.map(Measurement) })
            };
            let mut measured = Vec::new();
            for under_way in directories.into_iter().map(begin).collect::<Vec<_>>() {
                measured.push(under_way.await);
            }
            measured
        }))
    };
    let spawned = thread::Builder::new()
        .name("sync-probe".to_owned())
        .spawn(run);
    let measured =
        spawned.and_then(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
    measured.unwrap_or_else(|error| {
        let failures = (0..count).map(|_| Err(io::Error::other(error.to_string())));
        failures.collect()
    })
}

/// The file system that was measured.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Place {
    /// The kernel's number of the device. It may change when the machine starts again, and then it
    /// is measured again.
    device: u64,
    /// What the file system itself goes by, as far as it has a name.
    file_system: u64,
}

impl Place {
    fn of(path: &Path) -> io::Result<Self> {
        let device = fs::metadata(path)?.dev();
        let path = CString::new(path.as_os_str().as_bytes())?;
        let mut facts = MaybeUninit::<libc::statvfs>::uninit();
        // SAFETY: the path ends with a zero, and the kernel fills all of `facts` or says that it
        // did not.
        let facts = unsafe {
            if libc::statvfs(path.as_ptr(), facts.as_mut_ptr()) != 0 {
                return Err(io::Error::last_os_error());
            }
            facts.assume_init()
        };
        Ok(Self {
            device,
            file_system: facts.f_fsid,
        })
    }
}

/// The first line of a note, without the version of its format.
const NOTE_HEAD: &str = "forebay sync method, format ";

/// The last line, without the checksum of all before.
const NOTE_FOOT: &str = "crc-32c ";

/// The note as a text that a person can read, with times in nanoseconds.
fn encode_note(measurement: Measurement, place: Place) -> String {
    let nanos = |median: Duration| median.as_nanos().to_string();
    let Timed { rounds, medians } = measurement.0;
    let [dsync, fdatasync] = medians.map(|medians| medians.map(nanos).join(" "));
    let mut note = format!(
        "{NOTE_HEAD}{FORMAT_VERSION}\ndevice {:x} {:x}\nrounds {rounds}\ndsync {dsync}\n\
         fdatasync {fdatasync}\n",
        place.device, place.file_system,
    );
    let checksum = crc32c::crc32c(note.as_bytes());
    let _ = writeln!(note, "{NOTE_FOOT}{checksum:08x}");
    note
}

/// What the note says of `place`, or what is wrong with it; nothing if there is none.
fn read_note(path: &Path, place: Place) -> Result<Measurement, Option<String>> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| {
        let mut file = file.take(NOTE_BYTES_MAX);
        file.read_to_string(&mut text)
    });
    match read {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(None),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(damaged()),
        Err(error) => Err(Some(format!("cannot be read ({error})"))),
        Ok(_) => decode_note(&text, place),
    }
}

fn damaged() -> Option<String> {
    Some("is damaged".to_owned())
}

fn decode_note(text: &str, place: Place) -> Result<Measurement, Option<String>> {
    let (covered, checksum) = text.rsplit_once(NOTE_FOOT).ok_or_else(damaged)?;
    if format!("{:08x}\n", crc32c::crc32c(covered.as_bytes())) != checksum {
        return Err(damaged());
    }
    let (head, rest) = covered.split_once('\n').ok_or_else(damaged)?;
    let version = head.strip_prefix(NOTE_HEAD).ok_or_else(damaged)?;
    if version != FORMAT_VERSION.to_string() {
        return Err(Some(format!("has format {version}")));
    }
    let rest = rest.strip_prefix("device ").ok_or_else(damaged)?;
    let (device, rest) = rest.split_once("\nrounds ").ok_or_else(damaged)?;
    if device != format!("{:x} {:x}", place.device, place.file_system) {
        return Err(Some("was made on another disk".to_owned()));
    }
    let (rounds, rest) = rest.split_once("\ndsync ").ok_or_else(damaged)?;
    let (dsync, rest) = rest.split_once("\nfdatasync ").ok_or_else(damaged)?;
    let fdatasync = rest.strip_suffix('\n').ok_or_else(damaged)?;
    let medians = [
        decode_medians(dsync).ok_or_else(damaged)?,
        decode_medians(fdatasync).ok_or_else(damaged)?,
    ];
    let rounds = rounds.parse().map_err(|_| damaged())?;
    Ok(Measurement(Timed { rounds, medians }))
}

fn decode_medians(text: &str) -> Option<[Duration; WRITES_BYTES.len()]> {
    let nanos: Option<Vec<u64>> = text.split(' ').map(|number| number.parse().ok()).collect();
    let medians: Vec<Duration> = nanos?.into_iter().map(Duration::from_nanos).collect();
    medians.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::scratch::scratch;

    const PLACE: Place = Place {
        device: 0x803,
        file_system: 0xfeed,
    };

    fn choose_one(path: &Path) -> SyncChoice {
        choose(&[path.to_owned()]).pop().unwrap()
    }

    fn micros(dsync: [u64; 2], fdatasync: [u64; 2]) -> Measurement {
        Measurement(Timed {
            rounds: ROUNDS_MIN,
            medians: [dsync, fdatasync].map(|medians| medians.map(Duration::from_micros)),
        })
    }

    #[test]
    fn the_faster_way_is_taken_and_o_dsync_where_there_is_little_between_them() {
        let faster = |dsync, fdatasync| micros(dsync, fdatasync).faster();
        assert_eq!(faster([60, 100], [100, 160]), SyncMethod::Dsync);
        assert_eq!(faster([400, 600], [200, 300]), SyncMethod::Fdatasync);
        assert_eq!(faster([400, 600], [400, 600]), SyncMethod::Dsync);
        assert_eq!(faster([400, 600], [350, 460]), SyncMethod::Dsync);
        // What counts is both sizes together.
        assert_eq!(faster([100, 900], [300, 300]), SyncMethod::Fdatasync);
        // A few rounds could be few because something else kept the disk busy.
        let mut hasty = micros([400, 600], [200, 300]);
        hasty.0.rounds = ROUNDS_MIN - 1;
        assert_eq!(hasty.faster(), SyncMethod::Dsync);
    }

    #[test]
    fn a_start_measures_once_and_later_ones_read_what_it_noted() {
        let scratch = scratch();
        let first = choose_one(scratch.path());
        assert!(first.is_settled, "{first:?}");
        assert!(first.reason.ends_with("measured now"), "{first:?}");
        let names = fs::read_dir(scratch.path()).unwrap();
        let names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, [NOTE_NAME]);
        let note = scratch.path().join(NOTE_NAME);
        let noted = fs::read(&note).unwrap();
        let second = choose_one(scratch.path());
        let reason = first.reason.replace("now", "before");
        assert_eq!(second, SyncChoice { reason, ..first });
        assert_eq!(fs::read(&note).unwrap(), noted);
    }

    #[test]
    fn what_a_note_says_decides() {
        let scratch = scratch();
        let place = Place::of(scratch.path()).unwrap();
        for (measurement, method) in [
            (micros([1, 1], [5, 5]), SyncMethod::Dsync),
            (micros([5, 5], [1, 1]), SyncMethod::Fdatasync),
        ] {
            let note = encode_note(measurement, place);
            fs::write(scratch.path().join(NOTE_NAME), note).unwrap();
            let choice = choose_one(scratch.path());
            assert_eq!(choice.method, method, "{choice:?}");
            assert!(
                choice.reason.contains(&measurement.to_string()),
                "{choice:?}"
            );
        }
    }

    #[test]
    fn a_note_with_any_byte_changed_or_missing_is_not_believed() {
        let measurement = micros([60, 100], [100, 160]);
        let note = encode_note(measurement, PLACE);
        assert_eq!(decode_note(&note, PLACE), Ok(measurement));
        for at in 0..note.len() {
            let mut bytes = note.clone().into_bytes();
            bytes[at] ^= 1;
            let changed = String::from_utf8(bytes).unwrap();
            assert!(decode_note(&changed, PLACE).is_err(), "byte {at}");
            assert!(decode_note(&note[..at], PLACE).is_err(), "cut at {at}");
        }
    }

    #[track_caller]
    fn assert_measured_again(note: &[u8], fault: &str) {
        let scratch = scratch();
        let path = scratch.path().join(NOTE_NAME);
        fs::write(&path, note).unwrap();
        let choice = choose_one(scratch.path());
        assert!(choice.is_settled, "{choice:?}");
        assert!(choice.reason.contains(fault), "{choice:?}");
        assert_ne!(fs::read(&path).unwrap(), note, "a new note has its place");
    }

    #[test]
    fn what_was_noted_elsewhere_or_in_another_format_is_measured_again() {
        let measurement = micros([60, 100], [100, 160]);
        let note = encode_note(measurement, PLACE);
        assert_measured_again(note.as_bytes(), "was made on another disk");
        let (covered, _) = note.rsplit_once(NOTE_FOOT).unwrap();
        let newer = covered.replace("format 1", "format 2");
        let checksum = crc32c::crc32c(newer.as_bytes());
        let newer = format!("{newer}{NOTE_FOOT}{checksum:08x}\n");
        assert_measured_again(newer.as_bytes(), "has format 2");
        assert_measured_again(b"", "is damaged");
        assert_measured_again(&[0xff; 5000], "is damaged");
    }

    #[test]
    fn each_directory_is_measured_or_not_by_itself() {
        let scratch = scratch();
        let folders = ["a", "b", "c"].map(|name| scratch.path().join(name));
        for folder in &folders[..2] {
            fs::create_dir(folder).unwrap();
        }
        let place = Place::of(&folders[0]).unwrap();
        let note = encode_note(micros([5, 5], [1, 1]), place);
        fs::write(folders[0].join(NOTE_NAME), note).unwrap();
        let choices = choose(&folders);
        assert_eq!(choices.len(), 3);
        assert!(
            choices[0].reason.ends_with("measured before"),
            "{choices:?}"
        );
        assert_eq!(choices[0].method, SyncMethod::Fdatasync);
        assert!(choices[1].reason.ends_with("measured now"), "{choices:?}");
        assert!(!choices[2].is_settled, "{choices:?}");
    }

    #[test]
    fn where_nothing_can_be_measured_each_write_is_synced_by_itself() {
        let scratch = scratch();
        let choice = choose_one(&scratch.path().join("missing"));
        assert_eq!(choice.method, SyncMethod::Dsync);
        assert!(!choice.is_settled);
        assert!(choice.reason.contains("No such file"), "{choice:?}");
    }
}
