//! The crate kafka-protocol as a second opinion, for what it knows.

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::{self as theirs, ApiKey, RequestKind, ResponseKind};
use kafka_protocol::protocol::{Decodable, Encodable, Message as _, VersionRange};

use crate::schema::{Kind, Message};
use crate::{examples, tables};

#[test]
fn kafka_protocol_reads_the_same_bytes_and_writes_them_again() {
    let messages = tables();
    let mut compared = 0;
    for example in examples(&messages) {
        let message = example.message;
        let Some(range) = versions(message) else {
            continue;
        };
        if !(range.min..=range.max).contains(&example.version) {
            continue;
        }
        let place = format!("{} version {}", message.name, example.version);
        let theirs = recode(message, example.version, example.bytes.clone());
        let theirs = theirs.unwrap_or_else(|error| panic!("{place}: {error}"));
        assert_eq!(theirs, example.bytes, "{place}");
        compared += 1;
    }
    assert!(
        compared > 2000,
        "only {compared} messages could be compared"
    );
}

#[test]
fn headers_have_the_versions_that_kafka_protocol_gives_them() {
    for api in forebay::protocol::ApiKey::ALL {
        let Ok(theirs) = ApiKey::try_from(api.key.code()) else {
            continue;
        };
        let range = theirs.valid_versions();
        for version in api.versions.0.max(range.min)..=api.versions.1.min(range.max) {
            let ours = (
                api.key.request_header_version(version),
                api.key.response_header_version(version),
            );
            let wanted = (
                theirs.request_header_version(version),
                theirs.response_header_version(version),
            );
            assert_eq!(ours, wanted, "{} version {version}", api.name);
        }
    }
}

fn versions(message: &Message) -> Option<VersionRange> {
    // The crate gives an API the versions of its response; these requests lag behind.
    match message.name.as_str() {
        "InitProducerIdRequest" => return Some(theirs::InitProducerIdRequest::VERSIONS),
        "OffsetCommitRequest" => return Some(theirs::OffsetCommitRequest::VERSIONS),
        "OffsetFetchRequest" => return Some(theirs::OffsetFetchRequest::VERSIONS),
        _ => {}
    }
    match message.kind {
        Kind::Request | Kind::Response => {
            let key = ApiKey::try_from(message.number.unwrap()).ok()?;
            Some(key.valid_versions())
        }
        _ => other_versions(&message.name),
    }
}

fn recode(
    message: &Message,
    version: i16,
    mut bytes: Bytes,
) -> Result<Bytes, Box<dyn std::error::Error>> {
    let mut out = BytesMut::new();
    match message.kind {
        Kind::Request => {
            let key = ApiKey::try_from(message.number.unwrap()).unwrap();
            RequestKind::decode(key, &mut bytes, version)?.encode(&mut out, version)?;
        }
        Kind::Response => {
            let key = ApiKey::try_from(message.number.unwrap()).unwrap();
            ResponseKind::decode(key, &mut bytes, version)?.encode(&mut out, version)?;
        }
        _ => recode_other(&message.name, version, &mut bytes, &mut out)?,
    }
    assert!(bytes.is_empty(), "{} bytes left over", bytes.len());
    Ok(out.freeze())
}

macro_rules! others {
    ($($name:ident)*) => {
        fn other_versions(name: &str) -> Option<VersionRange> {
            match name {
                $(stringify!($name) => Some(theirs::$name::VERSIONS),)*
                _ => None,
            }
        }

        fn recode_other(
            name: &str,
            version: i16,
            bytes: &mut Bytes,
            out: &mut BytesMut,
        ) -> Result<(), Box<dyn std::error::Error>> {
            match name {
                $(stringify!($name) => {
                    theirs::$name::decode(bytes, version)?.encode(out, version)?;
                })*
                _ => unreachable!("{name} has no versions here"),
            }
            Ok(())
        }
    };
}

// LeaderChangeMessage and VotersRecord are missing: their field `version` shadows the version that
// the crate decodes with. Kafka's own classes judge them.
others! {
    ConsumerProtocolAssignment
    ConsumerProtocolSubscription
    DefaultPrincipalData
    EndTxnMarker
    KRaftVersionRecord
    RequestHeader
    ResponseHeader
    SnapshotFooterRecord
    SnapshotHeaderRecord
}
