//! What processes and disks of this machine have taken so far, as the kernel counts it.

use std::fs;

use crate::admin::Failure;

/// The kernel tells CPU time in these parts of a second, whatever its own timer does.
const TICKS_PER_SECOND: f64 = 100.0;

/// A sector of `/proc/diskstats` is as long as this on every disk.
const SECTOR_BYTES: u64 = 512;

/// Whom to ask.
#[derive(Clone, Debug)]
pub struct Observed {
    pub processes: Vec<u32>,
    pub device: Option<String>,
}

/// What was taken so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Taken {
    pub cpu_seconds: f64,
    pub resident_bytes: u64,
    /// The most at any time.
    pub resident_bytes_max: u64,
    /// What processes had the kernel write, by `/proc/PID/io`; `None` where that is not shown.
    pub process_written: Option<u64>,
    /// By `/proc/diskstats`, for all who write to it.
    pub device_written: Option<u64>,
    /// The CPU time of this program.
    pub own_cpu_seconds: f64,
}

impl Observed {
    /// What is taken now.
    ///
    /// # Errors
    /// If a process or the device is not there.
    pub fn look(&self) -> Result<Taken, Failure> {
        let mut taken = Taken {
            process_written: (!self.processes.is_empty()).then_some(0),
            own_cpu_seconds: cpu_seconds("self").unwrap_or_default(),
            ..Taken::default()
        };
        for process in &self.processes {
            let gone = || Failure::Failed(format!("there is no process {process} here"));
            let name = process.to_string();
            taken.cpu_seconds += cpu_seconds(&name).ok_or_else(gone)?;
            let status = fs::read_to_string(format!("/proc/{name}/status"));
            let status = status.map_err(|_| gone())?;
            taken.resident_bytes += kibibytes(&status, "VmRSS:").unwrap_or(0) << 10;
            taken.resident_bytes_max += kibibytes(&status, "VmHWM:").unwrap_or(0) << 10;
            let io = fs::read_to_string(format!("/proc/{name}/io")).ok();
            let written = io.and_then(|text| number_behind(&text, "write_bytes:"));
            let sum = taken.process_written.zip(written);
            taken.process_written = sum.map(|(sum, written)| sum + written);
        }
        if let Some(device) = &self.device {
            let text = fs::read_to_string("/proc/diskstats").unwrap_or_default();
            let written = sectors_written(&text, device).ok_or_else(|| {
                Failure::Failed(format!("/proc/diskstats has no device {device:?}"))
            })?;
            taken.device_written = Some(written * SECTOR_BYTES);
        }
        Ok(taken)
    }
}

fn cpu_seconds(process: &str) -> Option<f64> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    ticks_of(&text).map(|ticks| ticks as f64 / TICKS_PER_SECOND)
}

/// User and system time are the 14th and the 15th field; the second, the name, may hold anything.
fn ticks_of(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

fn kibibytes(status: &str, name: &str) -> Option<u64> {
    number_behind(status, name)
}

fn number_behind(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

fn sectors_written(diskstats: &str, device: &str) -> Option<u64> {
    let mut lines = diskstats.lines().map(str::split_whitespace);
    let mut fields = lines.find(|fields| fields.clone().nth(2) == Some(device))?;
    fields.nth(9)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_tells_is_understood() {
        let stat = "42 (a) b) S 1 2 3 4 5 6 7 8 9 10 123 77 0 0 20 0 3 0 100 0 0";
        assert_eq!(ticks_of(stat), Some(200));
        let status = "Name:\tx\nVmHWM:\t    900 kB\nVmRSS:\t    812 kB\n";
        assert_eq!(kibibytes(status, "VmRSS:"), Some(812));
        let io = "rchar: 1\nwrite_bytes: 4096\ncancelled_write_bytes: 0\n";
        assert_eq!(number_behind(io, "write_bytes:"), Some(4096));
        let disks = " 254 0 vda 1 2 3 4 5 6 7777 8 9 10 11\n 254 1 vda1 1 2 3 4 5 6 8 8 9 10 11\n";
        assert_eq!(sectors_written(disks, "vda"), Some(7777));
        assert_eq!(sectors_written(disks, "vdb"), None);
    }

    #[test]
    fn a_process_that_is_not_there_is_named() {
        let observed = Observed {
            processes: vec![u32::MAX],
            device: None,
        };
        assert!(
            matches!(observed.look(), Err(Failure::Failed(text)) if text.contains("4294967295"))
        );
        let own = Observed {
            processes: vec![std::process::id()],
            device: None,
        };
        assert!(own.look().expect("this process is there").resident_bytes > 0);
    }
}
