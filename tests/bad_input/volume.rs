//! A small file system of its own, as a disk that can be full or read-only.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::support::{Program, as_root};

/// A mounted ext4 file system in a file; gone when dropped.
pub struct Volume {
    root: PathBuf,
}

impl Volume {
    /// A new one of `mib` MiB; `None` where this user may not mount.
    pub fn new(name: &str, mib: u64) -> Option<Self> {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("volume-{name}"));
        let volume = Self { root };
        volume.unmount();
        drop(fs::remove_dir_all(&volume.root));
        fs::create_dir_all(volume.path()).expect("target/ can be written");
        let image = volume.root.join("image");
        let file = fs::File::create(&image).expect("target/ can be written");
        file.set_len(mib << 20).expect("a sparse file grows");
        let (image, path) = (
            image.display().to_string(),
            volume.path().display().to_string(),
        );
        let made = Program::new("mkfs.ext4", 20)
            .args(["-q", "-F", "-m", "0", &image])
            .run();
        let mounted = as_root(&["mount", "-o", "loop", &image, &path]);
        (made.status == Some(0) && mounted.status == Some(0)).then_some(volume)
    }

    /// Where it is mounted.
    pub fn path(&self) -> PathBuf {
        self.root.join("mounted")
    }

    /// Mounts it anew with these options, as `ro`.
    #[track_caller]
    pub fn remount(&self, options: &str) {
        let (options, path) = (
            format!("remount,{options}"),
            self.path().display().to_string(),
        );
        as_root(&["mount", "-o", &options, &path]).succeeded();
    }

    /// Takes it off and mounts it anew, as a disk that was repaired.
    #[track_caller]
    pub fn mount_again(&self) {
        let (image, path) = (self.root.join("image"), self.path());
        let (image, path) = (image.display().to_string(), path.display().to_string());
        as_root(&["umount", &path]).succeeded();
        as_root(&["mount", "-o", "loop", &image, &path]).succeeded();
    }

    /// Leaves only `free` bytes free.
    #[track_caller]
    pub fn fill(&self, free: u64) {
        let mut filler = fs::File::create(self.filler()).expect("the volume can be written");
        let mut length = 0;
        // The last blocks one by one: the map of the file takes some of its own.
        for piece in [vec![1; 1 << 20], vec![1; 4 << 10]] {
            while let Ok(written) = filler.write(&piece) {
                length += written as u64;
            }
        }
        filler
            .set_len(length.saturating_sub(free))
            .expect("a file can be cut");
        filler.sync_all().expect("the volume can be written");
    }

    /// Gives the space back.
    #[track_caller]
    pub fn make_room(&self) {
        fs::remove_file(self.filler()).expect("it was filled");
    }

    /// Leaves no room for one more file; there is room for what the files hold.
    #[track_caller]
    pub fn take_all_names(&self) {
        fs::create_dir(self.names()).expect("the volume has room for a folder");
        let mut numbers = 0..1_000_000;
        let is_made = |number| fs::File::create(self.names().join(format!("{number}"))).is_ok();
        assert!(!numbers.all(is_made), "a file system has so many files");
    }

    /// Lets files be made again.
    #[track_caller]
    pub fn give_names_back(&self) {
        fs::remove_dir_all(self.names()).expect("they were taken");
    }

    fn names(&self) -> PathBuf {
        self.path().join("names")
    }

    fn filler(&self) -> PathBuf {
        self.path().join("filler")
    }

    fn unmount(&self) {
        let path = self.path().display().to_string();
        if fs::read_to_string("/proc/mounts").is_ok_and(|mounts| mounts.contains(&path)) {
            as_root(&["umount", "-l", &path]);
        }
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        self.unmount();
        drop(fs::remove_dir_all(&self.root));
    }
}
