//! The records that the quorum writes for itself.

use bytes::Bytes;

use crate::model::{BrokerId, TimestampMs, Uuid};
use crate::protocol::messages::{
    KRaftVersionRecord, LeaderChangeMessage, SnapshotFooterRecord, SnapshotHeaderRecord,
    VotersRecord, leader_change_message, voters_record,
};
use crate::protocol::record_batch::ControlType;
use crate::protocol::{Message, Reader, Writer};

use super::request::ReplicaKey;

/// The version of the quorum's protocol with voters in the log (KIP-853).
pub(super) const KRAFT_VERSION: i16 = 1;

/// Where a voter is reached.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct VoterEndpoint {
    /// The controller listener's name.
    pub listener: String,
    /// The host.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl VoterEndpoint {
    /// One of those that a record or a request names.
    pub(super) fn at(listener: &str, host: &str, port: u16) -> Self {
        Self {
            listener: listener.to_owned(),
            host: host.to_owned(),
            port,
        }
    }
}

/// A node that votes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Voter {
    /// The node's number.
    pub id: BrokerId,
    /// The id of its metadata log directory: a disk that was swapped has no vote.
    pub directory_id: Uuid,
    /// Where it is reached.
    pub endpoints: Vec<VoterEndpoint>,
}

/// A control record that a reader of the log acts on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ControlRecord {
    /// A leader begins its epoch, elected by these voters.
    LeaderChange { voters: Vec<BrokerId> },
    /// The voters from here on.
    Voters(Vec<Voter>),
    /// The last record of the log that a snapshot holds happened then.
    SnapshotHeader { last_contained_ms: TimestampMs },
    /// The snapshot is whole.
    SnapshotFooter,
    /// Nothing to act on.
    Other,
}

impl ControlRecord {
    /// The control record with this key and value.
    ///
    /// # Errors
    /// A line that says what is wrong with it.
    pub(crate) fn decode(key: Option<&[u8]>, value: Option<&[u8]>) -> Result<Self, String> {
        let Some(kind) = key.and_then(ControlType::decode_key) else {
            return Ok(Self::Other);
        };
        let value = Bytes::copy_from_slice(value.unwrap_or_default());
        match kind {
            ControlType::LeaderChange => {
                let message: LeaderChangeMessage = decode_message(&value, kind)?;
                let voters = message.voters.iter().map(|voter| voter.voter_id).collect();
                Ok(Self::LeaderChange { voters })
            }
            ControlType::KraftVoters => {
                let message: VotersRecord = decode_message(&value, kind)?;
                Ok(Self::Voters(message.voters.iter().map(voter_of).collect()))
            }
            ControlType::SnapshotHeader => {
                let message: SnapshotHeaderRecord = decode_message(&value, kind)?;
                Ok(Self::SnapshotHeader {
                    last_contained_ms: message.last_contained_log_timestamp,
                })
            }
            ControlType::SnapshotFooter => Ok(Self::SnapshotFooter),
            ControlType::KraftVersion => {
                let message: KRaftVersionRecord = decode_message(&value, kind)?;
                if message.kraft_version > KRAFT_VERSION {
                    return Err(format!(
                        "the quorum speaks kraft.version {}, known is {KRAFT_VERSION}",
                        message.kraft_version
                    ));
                }
                Ok(Self::Other)
            }
            ControlType::Abort | ControlType::Commit => Ok(Self::Other),
        }
    }
}

/// A control record's value begins with the version it is encoded in.
fn decode_message<M: Message>(value: &Bytes, kind: ControlType) -> Result<M, String> {
    let version = value
        .first_chunk::<2>()
        .map_or(0, |bytes| i16::from_be_bytes(*bytes));
    // A newer version adds tagged fields only, as long as the record type is the same.
    let version = version.clamp(M::VERSIONS.0, M::VERSIONS.1);
    M::decode(&mut Reader::new(value.clone()), version)
        .map_err(|error| format!("a control record ({kind:?}) cannot be read: {error}"))
}

fn voter_of(voter: &voters_record::Voter) -> Voter {
    let endpoint =
        |one: &voters_record::Endpoint| VoterEndpoint::at(&one.name, &one.host, one.port);
    Voter {
        id: voter.voter_id,
        directory_id: voter.voter_directory_id,
        endpoints: voter.endpoints.iter().map(endpoint).collect(),
    }
}

fn encode_message<M: Message>(message: &M) -> Bytes {
    let mut writer = Writer::new();
    message
        .encode(&mut writer, 0)
        .expect("the quorum's own records fit version 0");
    writer.into_bytes()
}

/// The record of a leader of these voters, elected by those that were `granting`.
pub(super) fn encode_leader_change(
    leader: BrokerId,
    voters: &[ReplicaKey],
    granting: &[ReplicaKey],
) -> Bytes {
    let voter = |voter: &ReplicaKey| leader_change_message::Voter {
        voter_id: voter.id,
        ..leader_change_message::Voter::default()
    };
    encode_message(&LeaderChangeMessage {
        leader_id: leader,
        voters: voters.iter().map(voter).collect(),
        granting_voters: granting.iter().map(voter).collect(),
        ..LeaderChangeMessage::default()
    })
}

/// The record of the protocol's version.
pub(super) fn encode_kraft_version() -> Bytes {
    encode_message(&KRaftVersionRecord {
        kraft_version: KRAFT_VERSION,
        ..KRaftVersionRecord::default()
    })
}

/// The record of the voters.
pub(super) fn encode_voters(voters: &[Voter]) -> Bytes {
    let endpoint = |endpoint: &VoterEndpoint| voters_record::Endpoint {
        name: endpoint.listener.clone(),
        host: endpoint.host.clone(),
        port: endpoint.port,
        ..voters_record::Endpoint::default()
    };
    let voter = |voter: &Voter| voters_record::Voter {
        voter_id: voter.id,
        voter_directory_id: voter.directory_id,
        endpoints: voter.endpoints.iter().map(endpoint).collect(),
        kraft_version_feature: voters_record::KRaftVersionFeature {
            min_supported_version: 0,
            max_supported_version: KRAFT_VERSION,
            ..voters_record::KRaftVersionFeature::default()
        },
        ..voters_record::Voter::default()
    };
    encode_message(&VotersRecord {
        voters: voters.iter().map(voter).collect(),
        ..VotersRecord::default()
    })
}

/// The first record of a snapshot.
pub(super) fn encode_snapshot_header(last_contained_ms: TimestampMs) -> Bytes {
    encode_message(&SnapshotHeaderRecord {
        last_contained_log_timestamp: last_contained_ms,
        ..SnapshotHeaderRecord::default()
    })
}

/// The last record of a snapshot.
pub(super) fn encode_snapshot_footer() -> Bytes {
    encode_message(&SnapshotFooterRecord::default())
}
