//! Envelope: a request that a broker passes on for its client, to be answered as if the client had
//! asked the controller itself (KIP-590).

use ::core::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;

use crate::model::ErrorCode;
use crate::protocol::messages::{DefaultPrincipalData, EnvelopeRequest, EnvelopeResponse};
use crate::protocol::{
    AnyRequest, AnyResponse, ApiKey, EncodeError, Message, Reader, Writer, decode_request_header,
    encode_response_header,
};
use crate::security::{Client, Operation, Principal, host_text};
use crate::shard::request::RequestContext;

use super::Parts;
use super::errors::visit_error_codes;

/// The version that the serialized form of a principal begins with.
const PRINCIPAL_VERSION: i16 = 0;

/// The envelope of a request: its answer comes in one, too.
#[derive(Clone, Copy, Debug)]
pub struct Envelope {
    correlation_id: i32,
}

/// Open the envelope that came with `context`: whose request is in it, and which.
///
/// # Errors
/// Kafka's error, which is the answer.
pub fn open(
    context: &RequestContext,
    envelope: EnvelopeRequest,
    parts: &Parts<'_>,
) -> Result<(RequestContext, AnyRequest), ErrorCode> {
    if !parts
        .access(context)
        .allows_cluster(Operation::ClusterAction)
    {
        return Err(ErrorCode::ClusterAuthorizationFailed);
    }
    let principal = envelope.request_principal.as_ref();
    let principal = principal.and_then(decode_principal);
    let principal = principal.ok_or(ErrorCode::PrincipalDeserializationFailure)?;
    let address = decode_address(&envelope.client_host_address).ok_or(ErrorCode::InvalidRequest)?;
    // Apache Kafka says so of what cannot be read, too.
    let unreadable = ErrorCode::UnsupportedVersion;
    let inner = decode_request_header(envelope.request_data);
    let (key, header, mut reader) = inner.map_err(|_| unreadable)?;
    let version = header.request_api_version;
    if !is_passed_on(key) {
        return Err(ErrorCode::InvalidRequest);
    }
    let is_served = key
        .controller_versions()
        .is_some_and(|(first, last)| (first..=last).contains(&version));
    if !is_served {
        return Err(ErrorCode::UnsupportedVersion);
    }
    let request = AnyRequest::decode(key, version, &mut reader);
    let request = request.map_err(|_| unreadable)?;
    let context = RequestContext {
        key,
        version,
        correlation_id: header.correlation_id,
        client_id: header.client_id.map(Arc::from),
        peer: SocketAddr::new(address, context.peer.port()),
        client: Arc::new(Client {
            principal,
            host: host_text(address),
        }),
        envelope: Some(Envelope {
            correlation_id: context.correlation_id,
        }),
        ..context.clone()
    };
    Ok((context, request))
}

/// Put the answer to the request that was in the `envelope` into one.
///
/// # Errors
/// If it is too long for one.
pub fn close(envelope: Envelope, answer: &[Bytes], writer: &mut Writer) -> Result<(), EncodeError> {
    let response = EnvelopeResponse {
        response_data: Some(Bytes::from(answer.concat())),
        ..EnvelopeResponse::default()
    };
    close_with(envelope, &response, writer)
}

/// Send this envelope back.
///
/// # Errors
/// If it is too long.
pub fn close_with(
    envelope: Envelope,
    response: &EnvelopeResponse,
    writer: &mut Writer,
) -> Result<(), EncodeError> {
    let (first, _) = EnvelopeResponse::VERSIONS;
    encode_response_header(writer, ApiKey::Envelope, first, envelope.correlation_id)?;
    response.encode(writer, first)
}

/// The envelope without an answer in it, where it is to say itself that another node is the
/// controller. A broker of Apache Kafka then looks for that one, and else goes on to ask this node
/// for all of its clients.
#[must_use]
pub fn refusal_of(key: ApiKey, answer: &AnyResponse) -> Option<EnvelopeResponse> {
    if let AnyResponse::Envelope(refusal) = answer {
        return Some(refusal.clone());
    }
    let mut is_from_another = false;
    visit_error_codes(answer, |code| {
        let is_not_leader = code == ErrorCode::NotLeaderOrFollower;
        is_from_another |= code == ErrorCode::NotController;
        is_from_another |= key == ApiKey::DescribeQuorum && is_not_leader;
    });
    is_from_another.then(|| EnvelopeResponse {
        error_code: ErrorCode::NotController.code(),
        ..EnvelopeResponse::default()
    })
}

/// What a broker may pass on, as in Apache Kafka.
const fn is_passed_on(key: ApiKey) -> bool {
    matches!(
        key,
        ApiKey::CreateTopics
            | ApiKey::DeleteTopics
            | ApiKey::CreateAcls
            | ApiKey::DeleteAcls
            | ApiKey::AlterConfigs
            | ApiKey::CreatePartitions
            | ApiKey::ElectLeaders
            | ApiKey::IncrementalAlterConfigs
            | ApiKey::AlterPartitionReassignments
            | ApiKey::ListPartitionReassignments
            | ApiKey::DescribeQuorum
            | ApiKey::UnregisterBroker
            | ApiKey::UpdateFeatures
            | ApiKey::AddRaftVoter
            | ApiKey::RemoveRaftVoter
    )
}

/// The principal as Kafka's `DefaultKafkaPrincipalBuilder` writes it.
fn decode_principal(bytes: &Bytes) -> Option<Principal> {
    let mut reader = Reader::new(bytes.clone());
    let version = reader.read_i16().ok()?;
    if version != PRINCIPAL_VERSION {
        return None;
    }
    let data = DefaultPrincipalData::decode(&mut reader, version).ok()?;
    Some(Principal::new(&data.r#type, &data.name))
}

fn decode_address(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(address) = <[u8; 4]>::try_from(bytes) {
        return Some(IpAddr::from(address));
    }
    <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::messages::create_topics_response::CreatableTopicResult;
    use crate::protocol::messages::describe_quorum_response::{PartitionData, TopicData};
    use crate::protocol::messages::{CreateTopicsResponse, DescribeQuorumResponse};

    fn created(error: ErrorCode) -> AnyResponse {
        let topic = CreatableTopicResult {
            error_code: error.code(),
            ..CreatableTopicResult::default()
        };
        let response = CreateTopicsResponse {
            topics: vec![topic],
            ..CreateTopicsResponse::default()
        };
        response.into()
    }

    fn described(error: ErrorCode) -> AnyResponse {
        let partition = PartitionData {
            error_code: error.code(),
            ..PartitionData::default()
        };
        let response = DescribeQuorumResponse {
            topics: vec![TopicData {
                partitions: vec![partition],
                ..TopicData::default()
            }],
            ..DescribeQuorumResponse::default()
        };
        response.into()
    }

    #[test]
    fn an_envelope_says_itself_that_another_node_is_the_controller() {
        let said = |key, answer: AnyResponse| {
            let refusal = refusal_of(key, &answer)?;
            assert_eq!(refusal.response_data, None);
            ErrorCode::from_code(refusal.error_code)
        };
        let not_controller = Some(ErrorCode::NotController);
        let create = ApiKey::CreateTopics;
        assert_eq!(
            said(create, created(ErrorCode::NotController)),
            not_controller
        );
        assert_eq!(said(create, created(ErrorCode::TopicAlreadyExists)), None);
        assert_eq!(said(create, created(ErrorCode::None)), None);
        let describe = ApiKey::DescribeQuorum;
        let not_leader = ErrorCode::NotLeaderOrFollower;
        assert_eq!(said(describe, described(not_leader)), not_controller);
        assert_eq!(said(describe, described(ErrorCode::None)), None);
    }
}
