//! What the host must give before anything starts: descriptors, `io_uring`, lockable memory.
//!
//! The runtime library ends the process or panics where `io_uring` is missing, so everything it
//! will need is tried here first, and what fails is told in one line.

use std::ffi::c_void;
use std::fs;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use super::failure::StartFailure;

/// Below this limit on locked memory the runtime library refuses to make a ring.
const MEMLOCK_BYTES_MIN: u64 = 512 * 1024;

/// What the three rings of a shard lock where the kernel counts it (Linux 6.14 and newer): 64 bytes
/// for each entry, two completions of 16 bytes and an index of 4.
const RINGS_PER_SHARD: u64 = 3;
const RING_BYTES_PER_ENTRY: u64 = 64 + 2 * 16 + 4;

/// Below this many descriptors a broker would get into trouble with its first clients.
const DESCRIPTORS_MIN: u64 = 256;

/// The shortest slice that the scheduler grants (`sched_setattr(2)`).
const SLICE_NANOSECONDS: u64 = 100_000;

/// The first kernel with every operation that is needed.
const KERNEL_MIN: (u32, u32) = (5, 8);

/// The operations that the runtime library asks of every ring: their numbers in the kernel's
/// interface. All of them exist since Linux 5.6.
const OPERATIONS: [usize; 23] = [
    0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 15, 16, 17, 18, 19, 21, 22, 23, 26, 27,
];

const REGISTER_PROBE: libc::c_uint = 8;
const OPERATION_SUPPORTED: u16 = 1;

/// Raise the limit of open descriptors to its hard limit and return it.
pub(super) fn raise_descriptor_limit() -> Result<u64, StartFailure> {
    let limit = raise_limit(libc::RLIMIT_NOFILE);
    if limit >= DESCRIPTORS_MIN {
        return Ok(limit);
    }
    Err(descriptors_failure(limit))
}

/// Check that rings of `depth` entries can be made and know all that is needed of them.
pub(super) fn check_io_uring(depth: u32) -> Result<(), StartFailure> {
    let limit = raise_limit(libc::RLIMIT_MEMLOCK);
    if limit < MEMLOCK_BYTES_MIN {
        return Err(memlock_failure(limit, MEMLOCK_BYTES_MIN));
    }
    let ring = setup_ring(depth).map_err(|error| ring_failure(&error, limit))?;
    let missing = missing_operations(&ring)
        .map_err(|error| StartFailure::new(format!("io_uring cannot be asked: {error}")))?;
    if missing.is_empty() {
        return Ok(());
    }
    Err(StartFailure::new(format!(
        "this kernel ({}) lacks io_uring operations {missing:?}: run Linux 5.8 or newer",
        kernel_release()
    )))
}

/// Why the rings of one of `shards` shards, of `depth` entries each, could not be made.
pub(super) fn executor_failure(errno: i32, shards: u16, depth: u32) -> StartFailure {
    match errno {
        libc::ENOMEM => {
            let entries = u64::from(shards) * RINGS_PER_SHARD * u64::from(depth);
            let needed = (entries * RING_BYTES_PER_ENTRY).max(MEMLOCK_BYTES_MIN);
            memlock_failure(raise_limit(libc::RLIMIT_MEMLOCK), needed)
        }
        libc::EMFILE => descriptors_failure(raise_limit(libc::RLIMIT_NOFILE)),
        _ => {
            let error = io::Error::from_raw_os_error(errno);
            StartFailure::new(format!("io_uring cannot be used: {error}"))
        }
    }
}

/// A line for the operator if `bytes` cannot be locked. The broker runs without, at a cost.
pub(super) fn memlock_warning(bytes: u64) -> Option<String> {
    let limit = raise_limit(libc::RLIMIT_MEMLOCK);
    if bytes <= limit || may_lock_any() {
        return None;
    }
    Some(format!(
        "only {} KiB of memory may be locked and the disk buffers want {} KiB: they work unlocked, \
         at about a fifth more CPU per byte; raise it with `ulimit -l unlimited`, \
         `LimitMEMLOCK=infinity` (systemd) or `--ulimit memlock=-1` (containers)",
        limit / 1024,
        bytes / 1024
    ))
}

/// True if this process has `CAP_IPC_LOCK`, which no limit on locked memory holds back.
fn may_lock_any() -> bool {
    const CAP_IPC_LOCK: u64 = 1 << 14;
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let effective = effective.and_then(|text| u64::from_str_radix(text.trim(), 16).ok());
    effective.is_some_and(|capabilities| capabilities & CAP_IPC_LOCK != 0)
}

/// The CPUs that this process may use, by number.
pub(super) fn allowed_cpus() -> Vec<usize> {
    // SAFETY: all zeros is an empty CPU set.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel writes at most the size given into `set`.
    let status = unsafe { libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &raw mut set) };
    if status != 0 {
        return Vec::new();
    }
    let bits = usize::try_from(libc::CPU_SETSIZE).expect("a small constant");
    // SAFETY: every number asked for is below the size of the set.
    let is_set = |cpu: &usize| unsafe { libc::CPU_ISSET(*cpu, &set) };
    (0..bits).filter(is_set).collect()
}

/// Bind the calling thread to `cpu`.
pub(super) fn pin_thread(cpu: usize) -> io::Result<()> {
    // SAFETY: all zeros is an empty CPU set.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    assert!(
        cpu < 8 * size_of::<libc::cpu_set_t>(),
        "only CPUs that the kernel named are used"
    );
    // SAFETY: `cpu` lies within the set.
    unsafe { libc::CPU_SET(cpu, &mut set) };
    // SAFETY: the kernel only reads `set`.
    match unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Ask the scheduler to let the calling thread run soon and briefly.
///
/// A shard does a little for many. Where it shares its CPU with threads of others, it waits for
/// each turn until one of them has used up its slice: beside 2,000 client threads on the same two
/// CPUs both shards together ran for 2.2 s and waited for 21 s. Since Linux 6.12 a thread with a
/// short slice goes first; over a longer time it gets no more than its fair share. Older kernels
/// ignore the wish, and one that refuses it loses nothing but speed.
pub(super) fn ask_for_short_slices() {
    let size = size_of::<libc::sched_attr>();
    // SAFETY: all zeros is a valid `sched_attr`.
    let mut attributes: libc::sched_attr = unsafe { std::mem::zeroed() };
    attributes.size = u32::try_from(size).expect("a small structure");
    // SAFETY: the kernel writes at most `size` bytes.
    let known = unsafe {
        let attributes = &raw mut attributes;
        libc::syscall(libc::SYS_sched_getattr, 0, attributes, size, 0)
    };
    if known == 0 && attributes.sched_policy == libc::SCHED_OTHER.cast_unsigned() {
        attributes.sched_runtime = SLICE_NANOSECONDS;
        // SAFETY: the kernel only reads one `sched_attr`, whose size stands in it.
        unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const attributes, 0) };
    }
}

fn raise_limit(resource: libc::__rlimit_resource_t) -> u64 {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the kernel writes one `rlimit`.
    if unsafe { libc::getrlimit(resource, &raw mut limit) } != 0 {
        return 0;
    }
    let raised = libc::rlimit {
        rlim_cur: limit.rlim_max,
        rlim_max: limit.rlim_max,
    };
    // SAFETY: the kernel reads one `rlimit`.
    match unsafe { libc::setrlimit(resource, &raw const raised) } {
        0 => limit.rlim_max,
        _ => limit.rlim_cur,
    }
}

/// Make a ring and return its descriptor, without mapping it.
fn setup_ring(depth: u32) -> io::Result<OwnedFd> {
    // `struct io_uring_params` has 120 bytes and starts as zeros.
    let mut params = [0_u32; 30];
    // SAFETY: the kernel reads and writes the 120 bytes of `params`.
    let status = unsafe { libc::syscall(libc::SYS_io_uring_setup, depth, params.as_mut_ptr()) };
    let fd = i32::try_from(status).unwrap_or(-1);
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel made this descriptor for us, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn missing_operations(ring: &OwnedFd) -> io::Result<Vec<usize>> {
    const SLOTS: usize = 64;
    // `struct io_uring_probe`: a header of 16 bytes, then 8 bytes for each operation, of which
    // bytes 2 and 3 are its flags.
    let mut probe = [[0_u16; 4]; 2 + SLOTS];
    // SAFETY: the kernel writes at most the header and `SLOTS` operations, which `probe` holds.
    let status = unsafe {
        libc::syscall(
            libc::SYS_io_uring_register,
            ring.as_raw_fd(),
            REGISTER_PROBE,
            probe.as_mut_ptr().cast::<c_void>(),
            SLOTS,
        )
    };
    if status != 0 {
        return Err(io::Error::last_os_error());
    }
    let is_missing = |operation: &&usize| probe[2 + **operation][1] & OPERATION_SUPPORTED == 0;
    Ok(OPERATIONS.iter().filter(is_missing).copied().collect())
}

fn ring_failure(error: &io::Error, memlock_bytes: u64) -> StartFailure {
    match error.raw_os_error() {
        Some(libc::ENOSYS) => StartFailure::new(missing_line(&kernel_release())),
        Some(libc::EPERM | libc::EACCES) => StartFailure::new(forbidden_line(io_uring_disabled())),
        Some(libc::ENOMEM) => memlock_failure(memlock_bytes, MEMLOCK_BYTES_MIN),
        _ => StartFailure::new(format!("io_uring cannot be used: {error}")),
    }
}

/// The kernel does not know the call, or a filter says so in its name.
fn missing_line(release: &str) -> String {
    let mut numbers = release.split('.').map(str::parse::<u32>);
    let version = match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => Some((major, minor)),
        _ => None,
    };
    if version.is_some_and(|version| version < KERNEL_MIN) {
        format!("this kernel ({release}) has no io_uring to use: run Linux 5.8 or newer")
    } else {
        format!(
            "io_uring is hidden from this process or not built into the kernel ({release}), most \
             likely by a container's seccomp profile: start the container with \
             `--security-opt seccomp=tuning/seccomp.json`"
        )
    }
}

/// What stands in `kernel.io_uring_disabled`; kernels before 6.6 don't have it.
fn io_uring_disabled() -> Option<u32> {
    let text = fs::read_to_string("/proc/sys/kernel/io_uring_disabled").ok()?;
    text.trim().parse().ok()
}

fn forbidden_line(disabled: Option<u32>) -> &'static str {
    match disabled {
        Some(2) => {
            "io_uring is switched off on this host: run `sysctl -w kernel.io_uring_disabled=0`"
        }
        Some(1) => {
            "io_uring is kept from this user: put it into the group of \
             `kernel.io_uring_group`, or run `sysctl -w kernel.io_uring_disabled=0`"
        }
        _ => {
            "io_uring is forbidden to this process, most likely by a container's seccomp \
             profile: start the container with `--security-opt seccomp=tuning/seccomp.json`"
        }
    }
}

fn memlock_failure(limit_bytes: u64, needed_bytes: u64) -> StartFailure {
    StartFailure::new(format!(
        "only {} KiB of memory may be locked and io_uring needs {} KiB: raise it with \
         `ulimit -l unlimited`, `LimitMEMLOCK=infinity` (systemd) or `--ulimit memlock=-1` \
         (containers), or run fewer shards",
        limit_bytes / 1024,
        needed_bytes / 1024
    ))
}

fn descriptors_failure(limit: u64) -> StartFailure {
    StartFailure::new(format!(
        "only {limit} files may be open at a time and a broker needs {DESCRIPTORS_MIN}, one more \
         for each connection and each partition that is written: raise it with \
         `ulimit -n 1048576`, `LimitNOFILE=1048576` (systemd) or `--ulimit nofile=1048576` \
         (containers)"
    ))
}

fn kernel_release() -> String {
    fs::read_to_string("/proc/sys/kernel/osrelease")
        .map_or_else(|_| "unknown".to_owned(), |text| text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_of_this_kernel_knows_every_operation_we_need() {
        let ring = setup_ring(8).unwrap();
        assert_eq!(missing_operations(&ring).unwrap(), Vec::<usize>::new());
    }

    #[test]
    fn asking_something_that_is_no_ring_fails_instead_of_missing_nothing() {
        let file = OwnedFd::from(fs::File::open("/dev/null").unwrap());
        assert!(missing_operations(&file).is_err());
    }

    #[test]
    fn every_way_in_which_io_uring_is_refused_has_a_line_that_says_what_to_do() {
        for (errno, words) in [
            (libc::ENOSYS, "seccomp=tuning/seccomp.json"),
            (libc::ENOMEM, "ulimit -l unlimited"),
            (libc::EMFILE, "Too many open files"),
        ] {
            let line = ring_failure(&io::Error::from_raw_os_error(errno), 65_536).to_string();
            assert!(line.contains(words), "{line}");
            assert!(!line.contains('\n'), "{line}");
        }
        assert!(forbidden_line(Some(2)).contains("sysctl -w"));
        assert!(forbidden_line(Some(1)).contains("io_uring_group"));
        assert!(forbidden_line(Some(0)).contains("seccomp"));
        assert!(missing_line("4.19.0-16-amd64").contains("Linux 5.8 or newer"));
        assert!(missing_line("5.7.1").contains("Linux 5.8 or newer"));
        assert!(missing_line("5.10.0").contains("seccomp"));
        assert!(missing_line("odd").contains("seccomp"));
        let memlock = executor_failure(libc::ENOMEM, 4, 1024).to_string();
        assert!(memlock.contains("needs 1200 KiB"), "{memlock}");
        let descriptors = executor_failure(libc::EMFILE, 4, 1024).to_string();
        assert!(descriptors.contains("LimitNOFILE"), "{descriptors}");
    }

    #[test]
    fn a_seccomp_profile_that_forbids_io_uring_is_told_with_the_way_out() {
        // A filter holds for the thread that installs it, so this one ends with it.
        let line = std::thread::spawn(|| {
            forbid_io_uring();
            check_io_uring(8).unwrap_err().to_string()
        });
        let line = line.join().unwrap();
        assert!(line.contains("seccomp=tuning/seccomp.json"), "{line}");
    }

    /// Make `io_uring_setup` fail with EPERM on this thread, as container runtimes do.
    fn forbid_io_uring() {
        let number = u32::try_from(libc::SYS_io_uring_setup).unwrap();
        // Load the call's number; if it is this one, skip nothing: fail; else allow.
        let mut filter = [
            (0x20, 0, 0, 0),
            (0x15, 0, 1, number),
            (0x06, 0, 0, 0x0005_0001),
        ]
        .into_iter()
        .chain([(0x06, 0, 0, 0x7fff_0000)])
        .map(|(code, jt, jf, k)| libc::sock_filter { code, jt, jf, k })
        .collect::<Vec<_>>();
        let program = libc::sock_fprog {
            len: 4,
            filter: filter.as_mut_ptr(),
        };
        // SAFETY: the kernel reads the program, whose four instructions live until the call ends.
        let status = unsafe {
            libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
            libc::prctl(libc::PR_SET_SECCOMP, 2, &raw const program)
        };
        assert_eq!(status, 0, "{}", io::Error::last_os_error());
    }

    #[test]
    fn the_process_may_use_at_least_one_cpu_and_pin_a_thread_to_it() {
        let cpus = allowed_cpus();
        let first = *cpus.first().unwrap();
        std::thread::spawn(move || {
            pin_thread(first).unwrap();
            assert_eq!(allowed_cpus(), [first]);
        })
        .join()
        .unwrap();
    }
}
