//! Envelope: a request that a broker passes on for its client, to be answered as if the client had
//! asked the controller itself (KIP-590).

use ::core::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;

use crate::model::ErrorCode;
use crate::protocol::messages::{DefaultPrincipalData, EnvelopeRequest, EnvelopeResponse};
use crate::protocol::{
    AnyRequest, ApiKey, EncodeError, Message, Reader, Writer, decode_request_header,
    encode_response_header,
};
use crate::security::{Client, Operation, Principal, host_text};
use crate::shard::request::RequestContext;

use super::Parts;

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
    let (first, _) = EnvelopeResponse::VERSIONS;
    encode_response_header(writer, ApiKey::Envelope, first, envelope.correlation_id)?;
    response.encode(writer, first)
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
