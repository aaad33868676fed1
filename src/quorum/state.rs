//! `quorum-state`: what a voter must remember of an election, whatever happens.

use bytes::Bytes;
use serde_json::Value;

use crate::model::{BrokerId, LeaderEpoch, Uuid};

use super::request::ReplicaKey;

/// The file's name.
pub(crate) const FILE_NAME: &str = "quorum-state";

/// The version that names voters by directory too (KIP-853).
const VERSION: i64 = 1;

/// The version before it; it can be read since what it lacks is not needed here.
const VERSION_STATIC: i64 = 0;

/// The last election that this node took part in.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ElectionState {
    /// The leader of the epoch, once known.
    pub leader_id: Option<BrokerId>,
    /// The epoch.
    pub leader_epoch: LeaderEpoch,
    /// Whom this node voted for in the epoch.
    pub voted: Option<ReplicaKey>,
}

impl ElectionState {
    /// The file of this state.
    pub(crate) fn encode(self) -> Bytes {
        let Self {
            leader_id,
            leader_epoch,
            voted,
        } = self;
        let leader_id = leader_id.unwrap_or(-1);
        let voted_id = voted.map_or(-1, |voted| voted.id);
        let voted_directory = voted.map_or(Uuid::ZERO, |voted| voted.directory_id);
        Bytes::from(format!(
            "{{\"leaderId\":{leader_id},\"leaderEpoch\":{leader_epoch},\"votedId\":{voted_id},\
             \"votedDirectoryId\":\"{voted_directory}\",\"data_version\":{VERSION}}}"
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
        let voted_id = narrow("votedId")?;
        // Static voters have no directories.
        let directory = value.get("votedDirectoryId").and_then(Value::as_str);
        let directory_id = match directory {
            Some(text) => Uuid::parse(text).ok_or_else(|| format!("has {text} for a directory"))?,
            None => Uuid::ZERO,
        };
        Ok(Self {
            leader_id: (leader_id >= 0).then_some(leader_id),
            leader_epoch,
            voted: (voted_id >= 0).then_some(ReplicaKey {
                id: voted_id,
                directory_id,
            }),
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
            voted: None,
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
            voted: None,
        };
        assert_eq!(ElectionState::decode(file), Ok(state));
    }

    #[test]
    fn a_vote_is_remembered_with_the_directory_that_it_was_for() {
        let state = ElectionState {
            leader_id: None,
            leader_epoch: 5,
            voted: Some(ReplicaKey {
                id: 3,
                directory_id: Uuid::parse("ZkmUMx3NyLiFJOJrRFfR1A").unwrap(),
            }),
        };
        let file = state.encode();
        let text = str::from_utf8(&file).unwrap();
        assert!(text.contains(r#""votedId":3,"votedDirectoryId":"ZkmUMx3NyLiFJOJrRFfR1A""#));
        assert_eq!(ElectionState::decode(&file), Ok(state));
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
            (
                r#"{"data_version":1,"leaderEpoch":4,"leaderId":1}"#,
                "no number called votedId",
            ),
            (
                r#"{"data_version":1,"leaderEpoch":4,"leaderId":1,"votedId":2,
                    "votedDirectoryId":"short"}"#,
                "short for a directory",
            ),
        ] {
            let refused = ElectionState::decode(file.as_bytes()).unwrap_err();
            assert!(refused.contains(reason), "{file}: {refused}");
        }
    }
}
