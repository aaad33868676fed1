//! The device's own limits, from `fio`.
#![allow(dead_code, reason = "each bench uses its own part of it")]

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::load::server::make_empty;

/// Whether fio is here.
///
/// # Errors
/// What to do if it is not.
pub fn is_ready() -> Result<(), String> {
    match Command::new("fio").arg("--version").output() {
        Ok(output) if output.status.success() => Ok(()),
        _ => Err(
            "fio, which measures the device, does not run here: install the package \
                  `fio`, such as by `apt install fio`"
                .to_owned(),
        ),
    }
}

/// Files of fio in a folder of their own, removed with it.
pub struct Device {
    folder: PathBuf,
}

/// What fio measured.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    pub megabytes_per_second: f64,
    pub p50_us: f64,
}

impl Device {
    pub fn new(folder: &Path) -> Self {
        let folder = folder.join("device");
        make_empty(&folder);
        Self { folder }
    }

    /// Run `fio` by direct IO with these options.
    pub fn limit(&self, options: &[&str]) -> Limit {
        let output = Command::new("fio")
            .current_dir(&self.folder)
            .args(["--name=limit", "--direct=1", "--group_reporting"])
            .args(["--output-format=json", "--lat_percentiles=1"])
            .args(options)
            .output()
            .expect("fio is here");
        let failure = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "fio {options:?}: {failure}");
        let text = String::from_utf8_lossy(&output.stdout);
        // It may say something before.
        let start = text.find('{').expect("fio prints an object");
        let report: Value = serde_json::from_str(&text[start..]).expect("fio prints JSON");
        let job = &report["jobs"][0];
        let direction = ["read", "write"].map(|name| &job[name]);
        let [read, write] = direction;
        let of = if read["io_bytes"].as_f64() > Some(0.0) {
            read
        } else {
            write
        };
        let number = |value: &Value| value.as_f64().expect("fio measures it");
        Limit {
            megabytes_per_second: number(&of["bw_bytes"]) / 1e6,
            p50_us: number(&of["lat_ns"]["percentile"]["50.000000"]) / 1e3,
        }
    }

    /// Blocks of 4 KiB that were written before, each synced, one at a time.
    pub fn small_write(&self) -> Limit {
        self.limit(&[
            "--filename=small",
            "--size=64m",
            "--overwrite=1",
            "--rw=write",
            "--bs=4k",
            "--sync=dsync",
            "--ioengine=psync",
            "--runtime=2",
            "--time_based",
        ])
    }

    /// Blocks of 64 KiB, each synced, eight at a time in each of two files: new ones.
    pub fn new_write(&self) -> Limit {
        make_empty(&self.folder);
        self.large_write("--fallocate=posix")
    }

    /// The same in files that were written before; those of [`Self::new_write`].
    pub fn written_write(&self) -> Limit {
        self.large_write("--overwrite=1")
    }

    fn large_write(&self, option: &str) -> Limit {
        self.limit(&[
            option,
            "--numjobs=2",
            "--size=1g",
            "--rw=write",
            "--bs=64k",
            "--sync=dsync",
            "--ioengine=io_uring",
            "--iodepth=8",
        ])
    }

    /// A file of 2 GiB in blocks of 1 MiB, so many at a time.
    pub fn read(&self, depth: i32) -> Limit {
        let depth = format!("--iodepth={depth}");
        self.limit(&[
            "--filename=large",
            "--size=2g",
            "--rw=read",
            "--bs=1m",
            "--ioengine=io_uring",
            &depth,
        ])
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.folder));
    }
}
