//! The generated types, found by the name of the message.

use bytes::Bytes;
use forebay::protocol::{AnyRequest, AnyResponse, ApiKey, EncodeError, Message as _, Reader};
use forebay::protocol::{Writer, messages};

use crate::schema::{Kind, Message};

/// A message, decoded and encoded again.
#[derive(Debug, Eq, PartialEq)]
pub struct Recoded {
    pub debug_text: String,
    pub bytes: Vec<u8>,
    /// Bytes that decoding left over.
    pub rest: usize,
}

/// Decodes `bytes` and encodes what was found in the same version.
pub fn recode(message: &Message, version: i16, bytes: &Bytes) -> Result<Recoded, String> {
    let mut reader = Reader::new(bytes.clone());
    let key = message.number.and_then(ApiKey::from_code);
    let (debug_text, encoded) = match message.kind {
        Kind::Request => {
            let request = AnyRequest::decode(key.unwrap(), version, &mut reader);
            let request = request.map_err(|error| error.to_string())?;
            assert_eq!(Some(request.key()), key);
            let encoded = encode(|writer| request.encode(writer, version));
            (format!("{request:?}"), encoded)
        }
        Kind::Response => {
            let response = AnyResponse::decode(key.unwrap(), version, &mut reader);
            let response = response.map_err(|error| error.to_string())?;
            assert_eq!(Some(response.key()), key);
            let encoded = encode(|writer| response.encode(writer, version));
            (format!("{response:?}"), encoded)
        }
        _ => recode_other(&message.name, version, &mut reader)?,
    };
    // Of `Produce(ProduceRequest { … })` what is inside.
    let inner = debug_text
        .split_once('(')
        .filter(|(api, _)| !api.contains(' '));
    let inner = inner.and_then(|(_, inner)| inner.strip_suffix(')'));
    Ok(Recoded {
        debug_text: inner.unwrap_or(&debug_text).to_owned(),
        bytes: encoded?,
        rest: reader.remaining(),
    })
}

fn encode(encode: impl FnOnce(&mut Writer) -> Result<(), EncodeError>) -> Result<Vec<u8>, String> {
    let mut writer = Writer::new();
    encode(&mut writer).map_err(|error| error.to_string())?;
    Ok(writer.into_slices().concat())
}

type DebugAndBytes = (String, Result<Vec<u8>, String>);

macro_rules! others {
    ($($name:ident)*) => {
        fn recode_other(
            name: &str,
            version: i16,
            reader: &mut Reader,
        ) -> Result<DebugAndBytes, String> {
            match name {
                $(stringify!($name) => {
                    let message = messages::$name::decode(reader, version);
                    let message = message.map_err(|error| error.to_string())?;
                    let encoded = encode(|writer| message.encode(writer, version));
                    Ok((format!("{message:?}"), encoded))
                })*
                _ => panic!("{name} stands in the tables but not here"),
            }
        }
    };
}

others! {
    AbortTransactionRecord
    AbortedTxn
    AccessControlEntryRecord
    BeginTransactionRecord
    BrokerRegistrationChangeRecord
    ClearElrRecord
    ClientQuotaRecord
    ConfigRecord
    ConsumerGroupCurrentMemberAssignmentKey
    ConsumerGroupCurrentMemberAssignmentValue
    ConsumerGroupMemberMetadataKey
    ConsumerGroupMemberMetadataValue
    ConsumerGroupMetadataKey
    ConsumerGroupMetadataValue
    ConsumerGroupPartitionMetadataKey
    ConsumerGroupPartitionMetadataValue
    ConsumerGroupRegularExpressionKey
    ConsumerGroupRegularExpressionValue
    ConsumerGroupTargetAssignmentMemberKey
    ConsumerGroupTargetAssignmentMemberValue
    ConsumerGroupTargetAssignmentMetadataKey
    ConsumerGroupTargetAssignmentMetadataValue
    ConsumerProtocolAssignment
    ConsumerProtocolSubscription
    ControlRecordTypeSchema
    DefaultPrincipalData
    DelegationTokenRecord
    EndTransactionRecord
    EndTxnMarker
    FeatureLevelRecord
    FenceBrokerRecord
    GroupMetadataKey
    GroupMetadataValue
    KRaftVersionRecord
    LeaderChangeMessage
    LegacyOffsetCommitKey
    LegacyOffsetCommitValue
    NoOpRecord
    OffsetCommitKey
    OffsetCommitValue
    PartitionChangeRecord
    PartitionRecord
    ProducerIdsRecord
    ProducerSnapshot
    QuorumStateData
    RegisterBrokerRecord
    RegisterControllerRecord
    RemoteLogSegmentMetadataRecord
    RemoteLogSegmentMetadataSnapshotRecord
    RemoteLogSegmentMetadataUpdateRecord
    RemotePartitionDeleteMetadataRecord
    RemoveAccessControlEntryRecord
    RemoveDelegationTokenRecord
    RemoveTopicRecord
    RemoveUserScramCredentialRecord
    RequestHeader
    ResponseHeader
    ShareGroupCurrentMemberAssignmentKey
    ShareGroupCurrentMemberAssignmentValue
    ShareGroupMemberMetadataKey
    ShareGroupMemberMetadataValue
    ShareGroupMetadataKey
    ShareGroupMetadataValue
    ShareGroupStatePartitionMetadataKey
    ShareGroupStatePartitionMetadataValue
    ShareGroupTargetAssignmentMemberKey
    ShareGroupTargetAssignmentMemberValue
    ShareGroupTargetAssignmentMetadataKey
    ShareGroupTargetAssignmentMetadataValue
    ShareSnapshotKey
    ShareSnapshotValue
    ShareUpdateKey
    ShareUpdateValue
    SnapshotFooterRecord
    SnapshotHeaderRecord
    StreamsGroupCurrentMemberAssignmentKey
    StreamsGroupCurrentMemberAssignmentValue
    StreamsGroupMemberMetadataKey
    StreamsGroupMemberMetadataValue
    StreamsGroupMetadataKey
    StreamsGroupMetadataValue
    StreamsGroupTargetAssignmentMemberKey
    StreamsGroupTargetAssignmentMemberValue
    StreamsGroupTargetAssignmentMetadataKey
    StreamsGroupTargetAssignmentMetadataValue
    StreamsGroupTopologyKey
    StreamsGroupTopologyValue
    TopicRecord
    TransactionLogKey
    TransactionLogValue
    UnfenceBrokerRecord
    UnregisterBrokerRecord
    UnregisterControllerRecord
    UserScramCredentialRecord
    VotersRecord
    ZkMigrationStateRecord
}
