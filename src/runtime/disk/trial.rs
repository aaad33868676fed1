//! Both ways of syncing writes, timed as a shard uses them: through the ring, with direct IO, over
//! blocks that were written before.

use std::fs;
use std::io;
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::config::SyncMethod;
use crate::log::storage::Durability;

use super::descriptor::{adopt, open_direct, open_template};
use super::open_file::{IoFailure, OpenFile};

/// The file that is written to; it begins like all files of such trials.
const NAME: &str = ".direct-io-sync-trial";

/// An entry of the journal at low load; and a batch that goes straight to its segment.
pub(in crate::runtime) const WRITES_BYTES: [usize; 2] = [4 << 10, 64 << 10];

/// Where writes go, one behind the other and then over those before.
const FILE_BYTES: usize = 256 << 10;

/// How often each write is timed: an odd number has a median, and this many leave it no room to be
/// an outlier.
const ROUNDS: usize = 25;

/// When no further round is begun: a start on an empty directory is not to be seen waiting. On a
/// disk that turns a single round may take longer.
const TIME_MAX: Duration = Duration::from_millis(40);

/// The medians for [`WRITES_BYTES`] of each of [`SyncMethod::ALL`].
pub(in crate::runtime) type Medians = [[Duration; WRITES_BYTES.len()]; SyncMethod::ALL.len()];

/// What was timed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::runtime) struct Timed {
    /// How often each write was timed, at least once.
    pub rounds: usize,
    pub medians: Medians,
}

/// Time both ways in `directory`, which is left as it was. Call on an executor.
pub(in crate::runtime) async fn time_syncs(directory: &Path) -> io::Result<Timed> {
    let path = directory.join(NAME);
    let timed = time_writes_to(directory, &path).await;
    // It may not exist if it could not be made; what matters is `timed`.
    drop(fs::remove_file(&path));
    timed
}

async fn time_writes_to(directory: &Path, path: &Path) -> io::Result<Timed> {
    let template = open_template(directory).await?;
    let mut files = Vec::new();
    for method in SyncMethod::ALL {
        let descriptor = open_direct(path, true, method)?;
        let file = adopt(&template, &descriptor)?;
        files.push(Rc::new(OpenFile::new(file, method)));
    }
    let timed = time_writes(&files).await;
    for file in files {
        file.close().await.map_err(io_error)?;
    }
    template.close().await?;
    timed.map_err(io_error)
}

async fn time_writes(files: &[Rc<OpenFile>]) -> Result<Timed, IoFailure> {
    let contents = Bytes::from(vec![0x5a; FILE_BYTES]);
    for file in files {
        let whole = [contents.clone()];
        file.write(0, &whole, Durability::Synced).await?;
    }
    let began = Instant::now();
    let mut taken: [[Vec<Duration>; WRITES_BYTES.len()]; SyncMethod::ALL.len()] =
        Default::default();
    for round in 0..ROUNDS {
        for (size, bytes) in WRITES_BYTES.into_iter().enumerate() {
            let position = (round * bytes % FILE_BYTES) as u64;
            let slices = [contents.slice(..bytes)];
            // One after the other, and each as often the first of the two.
            for turn in [round % 2, (round + 1) % 2] {
                let started = Instant::now();
                let write = files[turn].write(position, &slices, Durability::Synced);
                write.await?;
                taken[turn][size].push(started.elapsed());
            }
        }
        if began.elapsed() > TIME_MAX {
            break;
        }
    }
    Ok(Timed {
        rounds: taken[0][0].len(),
        medians: taken.map(|by_size| by_size.map(median)),
    })
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn io_error(failure: IoFailure) -> io::Error {
    io::Error::from_raw_os_error(failure.errno)
}
