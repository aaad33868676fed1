//! How a write survives a power cut by the time it completes.

/// One of two ways to write so that what is written is on the disk for good. Which one is faster is
/// a matter of the device and its file system.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SyncMethod {
    /// The file is open with `O_DSYNC`, so that each write is synced by itself.
    Dsync,
    /// A plain write, and when it is complete an fdatasync, which all that wait for one share.
    Fdatasync,
}

impl SyncMethod {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Dsync, Self::Fdatasync];

    /// Its name in settings, metrics and files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dsync => "dsync",
            Self::Fdatasync => "fdatasync",
        }
    }
}
