//! `quorum-state`: what a voter must remember of an election, whatever happens.

use bytes::Bytes;
use serde_json::Value;

use crate::model::{BrokerId, LeaderEpoch};

/// The file's name.
pub(crate) const FILE_NAME: &str = "quorum-state";

/// The version that names voters by directory too (KIP-853).
const VERSION: i64 = 1;

/// The version before it; it can be read since what it lacks is not needed here.
const VERSION_STATIC: i64 = 0;

/// The last election that this node took part in.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct ElectionState {
    /// The leader of the epoch, once known.
    pub leader_id: Option<BrokerId>,
    /// The epoch.
    pub leader_epoch: LeaderEpoch,
}

impl ElectionState {
    /// The file of this state. The node that a vote was given to is nobody: the only voter leads
    /// its epoch before anything else can happen in it.
    pub(crate) fn encode(self) -> Bytes {
        let Self {
            leader_id,
            leader_epoch,
        } = self;
        let leader_id = leader_id.unwrap_or(-1);
        Bytes::from(format!(
            "{{\"leaderId\":{leader_id},\"leaderEpoch\":{leader_epoch},\"votedId\":-1,\
             \"votedDirectoryId\":\"AAAAAAAAAAAAAAAAAAAAAA\",\"data_version\":{VERSION}}}"
        ))
    }

    /// The state in `file`.
    ///
    /// # Errors
    /// A line that says what is wrong with it.
    pub(crate) fn decode(file: &[u8]) -> Result<Self, String> {
        let value: Value =
            serde_json::from_slice(file).map_err(|error| format!("is not JSON: {error}"))?;
        let number = |name: &str| {
            value
                .get(name)
                .and_then(Value::as_i64)
                .ok_or_else(|| format!("has no number called {name}"))
        };
        let version = number("data_version")?;
        if version != VERSION && version != VERSION_STATIC {
            return Err(format!("has version {version}, known are 0 and 1"));
        }
        let narrow = |name: &str| {
            number(name).and_then(|number| {
                i32::try_from(number).map_err(|_| format!("has {number} for {name}"))
            })
        };
        let leader_epoch = narrow("leaderEpoch")?;
        if leader_epoch < 0 {
            return Err(format!("has {leader_epoch} for leaderEpoch"));
        }
        let leader_id = narrow("leaderId")?;
        Ok(Self {
            leader_id: (leader_id >= 0).then_some(leader_id),
            leader_epoch,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written by Kafka 4.3.1.
    const KAFKAS: &[u8] = b"{\"leaderId\":1,\"leaderEpoch\":4,\"votedId\":-1,\
        \"votedDirectoryId\":\"AAAAAAAAAAAAAAAAAAAAAA\",\"data_version\":1}";

    #[test]
    fn the_file_is_kafkas_byte_by_byte() {
        let state = ElectionState {
            leader_id: Some(1),
            leader_epoch: 4,
        };
        assert_eq!(state.encode().as_ref(), KAFKAS);
        assert_eq!(ElectionState::decode(KAFKAS), Ok(state));
    }

    #[test]
    fn the_file_of_a_static_quorum_is_read() {
        let file = br#"{"clusterId":"","leaderId":-1,"leaderEpoch":7,"votedId":-1,
            "appliedOffset":0,"currentVoters":[{"voterId":1}],"data_version":0}"#;
        let state = ElectionState {
            leader_id: None,
            leader_epoch: 7,
        };
        assert_eq!(ElectionState::decode(file), Ok(state));
    }

    #[test]
    fn a_damaged_file_is_refused_with_a_reason() {
        for (file, reason) in [
            ("", "is not JSON"),
            ("{}", "no number called data_version"),
            (r#"{"data_version":2}"#, "has version 2"),
            (
                r#"{"data_version":1,"leaderEpoch":-1,"leaderId":1}"#,
                "-1 for leaderEpoch",
            ),
            (
                r#"{"data_version":1,"leaderEpoch":9999999999,"leaderId":1}"#,
                "9999999999",
            ),
        ] {
            let refused = ElectionState::decode(file.as_bytes()).unwrap_err();
            assert!(refused.contains(reason), "{file}: {refused}");
        }
    }
}
