//! A file system of the kernel's on a disk whose power can be cut.
//!
//! The device (a file in a FUSE file system that this process serves) is made a disk by a loop
//! device, which passes on what the file system above it asks to be written and synced. So the file
//! system is a real one, and after a cut it recovers as on any disk.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use forebay::stdx::Random;

use super::cache::Cut;
use super::device::Device;
use super::fuse;
use crate::support::as_root;

/// Room for what a test writes; blocks that are not written take none. XFS wants 300 MiB or more.
const DISK_BYTES: u64 = 3 << 30;

/// The kernel closes the files of a killed process that used io_uring a moment after it is gone.
const UNMOUNT_TRIES: u32 = 300;

/// The file system.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FileSystem {
    Ext4,
    Xfs,
}

impl FileSystem {
    const fn name(self) -> &'static str {
        match self {
            Self::Ext4 => "ext4",
            Self::Xfs => "xfs",
        }
    }

    /// The command that makes one; what is not written need not be trimmed first.
    const fn format(self) -> &'static [&'static str] {
        match self {
            Self::Ext4 => &[
                "mkfs.ext4",
                "-q",
                "-E",
                "nodiscard,root_owner,lazy_itable_init=0,lazy_journal_init=0",
            ],
            Self::Xfs => &["mkfs.xfs", "-q", "-K"],
        }
    }
}

/// A mounted file system; gone when dropped.
pub struct Disk {
    root: PathBuf,
    file_system: FileSystem,
    loop_device: Option<String>,
    pub device: Arc<Device>,
}

impl Disk {
    /// A new one, or why this machine cannot have it.
    pub fn new(name: &str, file_system: FileSystem) -> Result<Self, String> {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("disk-{name}"));
        unmount_lazily(&root);
        drop(fs::remove_dir_all(&root));
        for path in [mounted(&root), served(&root)] {
            fs::create_dir_all(path).expect("target/ can be written");
        }
        let contents = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .open(root.join("contents"))
            .expect("target/ can be written");
        let device = Device::new(contents, DISK_BYTES).expect("a sparse file grows");
        let mut disk = Self {
            root,
            file_system,
            loop_device: None,
            device: Arc::new(device),
        };
        fuse::mount(&disk.device, &served(&disk.root))?;
        let loop_device = disk.attach()?;
        let mut format = file_system.format().to_vec();
        format.push(&loop_device);
        let formatted = as_root(&format);
        if formatted.status != Some(0) {
            return Err(format!("{} fails: {}", formatted.shown, formatted.stderr));
        }
        disk.mount()?;
        Ok(disk)
    }

    /// Where it is mounted.
    pub fn path(&self) -> PathBuf {
        mounted(&self.root)
    }

    fn attach(&mut self) -> Result<String, String> {
        let file = served(&self.root).join(fuse::FILE_NAME);
        let file = file.display().to_string();
        let attached = as_root(&["losetup", "--find", "--show", "--direct-io=on", &file]);
        if attached.status != Some(0) {
            return Err(format!("there is no loop device: {}", attached.stderr));
        }
        let loop_device = attached.stdout.trim().to_owned();
        self.loop_device = Some(loop_device.clone());
        Ok(loop_device)
    }

    fn mount(&self) -> Result<(), String> {
        let loop_device = self.loop_device.as_deref().expect("it is attached");
        let (kind, path) = (self.file_system.name(), self.path().display().to_string());
        let mounted = as_root(&["mount", "-t", kind, "-o", "noatime", loop_device, &path]);
        if mounted.status == Some(0) {
            return Ok(());
        }
        Err(format!("{kind} cannot be mounted: {}", mounted.stderr))
    }

    /// The power of the disk comes back after `Device::lose_power`, as if this machine had started
    /// again: nothing of it that was in memory is there any more. Nobody may have a file open.
    #[track_caller]
    pub fn start_again(&mut self, cut: Cut, random: &mut Random) {
        self.unmount();
        let regained = self.device.regain_power(cut, random);
        regained.expect("target/ can be written");
        let again = self.attach().and_then(|_| self.mount());
        again.expect("what worked before a cut works after it");
    }

    #[track_caller]
    fn unmount(&mut self) {
        let path = self.path().display().to_string();
        let is_unmounted = (0..UNMOUNT_TRIES).any(|_| {
            if as_root(&["umount", &path]).status == Some(0) {
                return true;
            }
            thread::sleep(Duration::from_millis(100));
            false
        });
        assert!(is_unmounted, "somebody still uses {path}");
        let loop_device = self.loop_device.take().expect("it is attached");
        as_root(&["losetup", "--detach", &loop_device]).succeeded();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Nothing that is in memory has to reach it.
        self.device.lose_power();
        unmount_lazily(&mounted(&self.root));
        if let Some(loop_device) = self.loop_device.take() {
            as_root(&["losetup", "--detach", &loop_device]);
        }
        unmount_lazily(&served(&self.root));
        drop(fs::remove_dir_all(&self.root));
    }
}

fn mounted(root: &Path) -> PathBuf {
    root.join("mounted")
}

fn served(root: &Path) -> PathBuf {
    root.join("served")
}

/// Unmounts what is mounted at `path` or below it.
fn unmount_lazily(path: &Path) {
    let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
    let places = mounts.lines().filter_map(|line| line.split(' ').nth(1));
    for place in places.filter(|place| Path::new(place).starts_with(path)) {
        as_root(&["umount", "--lazy", place]);
    }
}
