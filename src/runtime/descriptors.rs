//! Who may have how many of the process's descriptors. Connections and segment files share them; if
//! either could take all, the other would fail.

use super::failure::StartFailure;

/// What a shard has beside connections and segment files: three rings, an epoll instance, timers
/// and bells, a few small files and a file that is just being opened for each blocking thread.
const PER_SHARD: u64 = 48;

/// Connections of a shard to other nodes: two or three for each of a handful.
const LINKS_PER_SHARD: u64 = 16;

/// What the process has beside its shards: standard streams, listeners, locks of directories, and
/// room for what libraries open.
const PER_PROCESS: u64 = 48;

/// Of the rest, connections may have one in this many. Their number is up to the clients; files can
/// be closed and opened again, but that costs two calls each time.
const CONNECTIONS_DIVISOR: u64 = 2;

/// With fewer files than this a shard would do little but close and open them.
const FILES_PER_SHARD_MIN: u64 = 16;

/// How many descriptors there are for what.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Shares {
    /// Segment files of one shard.
    pub files_per_shard: usize,
    /// Connections of all shards.
    pub connections: usize,
}

/// Share out `limit` descriptors. Every shard has a journal in each log directory.
pub(super) fn share_out(
    limit: u64,
    shards_count: u16,
    directories_count: usize,
) -> Result<Shares, StartFailure> {
    let (shards, journals) = (u64::from(shards_count), directories_count as u64);
    let reserved = PER_PROCESS + shards * (PER_SHARD + LINKS_PER_SHARD + journals);
    let shared = limit.saturating_sub(reserved);
    let connections = shared / CONNECTIONS_DIVISOR;
    let files_per_shard = (shared - connections) / shards;
    if files_per_shard < FILES_PER_SHARD_MIN {
        let needed = reserved + CONNECTIONS_DIVISOR * shards * FILES_PER_SHARD_MIN;
        return Err(StartFailure::new(format!(
            "only {limit} files and connections may be open and {shards} shards need {needed}: \
             raise it with `ulimit -n 1000000`, `LimitNOFILE=1000000` (systemd) or `--ulimit \
             nofile=1000000:1000000` (containers)"
        )));
    }
    let size = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    Ok(Shares {
        files_per_shard: size(files_per_shard),
        connections: size(connections),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_and_files_get_half_each_of_what_is_not_reserved() {
        let shares = share_out(20_000, 2, 3).unwrap();
        assert_eq!(shares.connections, (20_000 - 48 - 2 * (48 + 16 + 3)) / 2);
        assert_eq!(shares.files_per_shard, shares.connections / 2);
    }

    #[test]
    fn whatever_the_limit_no_more_than_it_is_given_out() {
        for limit in (0..3_000).chain([20_000, 1 << 20, u64::MAX]) {
            for shards in [1, 2, 7, 128] {
                let Ok(shares) = share_out(limit, shards, 2) else {
                    continue;
                };
                let shards = u64::from(shards);
                let files = shards * shares.files_per_shard as u64;
                let reserved = PER_PROCESS + shards * (PER_SHARD + LINKS_PER_SHARD + 2);
                let given = reserved + files + shares.connections as u64;
                assert!(given <= limit, "{limit} descriptors for {shards} shards");
                assert!(shares.files_per_shard >= 16);
            }
        }
    }

    #[test]
    fn too_small_a_limit_is_one_line_with_the_limit_that_is_enough() {
        let line = share_out(64, 2, 1).unwrap_err().to_string();
        assert!(line.contains("only 64 files") && line.contains("2 shards need 242"));
        assert!(!line.contains('\n'), "{line}");
        assert!(share_out(242, 2, 1).is_ok());
        assert!(share_out(240, 2, 1).is_err());
    }
}
