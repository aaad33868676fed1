//! The bytes of the wire codec are Kafka's, and hostile bytes do it no harm.
//!
//! Values are drawn from the schema tables (`protocol/sample.rs`), and a slow second codec
//! (`protocol/reference.rs`) writes them. The generated codec, the crate kafka-protocol and Apache
//! Kafka's own classes must read these bytes and write the same again.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

#[path = "protocol/hostile.rs"]
mod hostile;
#[path = "protocol/java.rs"]
mod java;
#[path = "protocol/kafka_protocol.rs"]
mod kafka_protocol_crate;
#[path = "protocol/ours.rs"]
mod ours;
#[path = "protocol/reference.rs"]
mod reference;
#[path = "protocol/sample.rs"]
mod sample;
#[expect(dead_code, reason = "some of it is for the generator alone")]
#[path = "protocol/schema.rs"]
mod schema;
#[path = "support/mod.rs"]
mod support;

use std::path::Path;

use bytes::Bytes;
use forebay::protocol::{ApiKey, messages};
use forebay::stdx::Random;

use sample::{Fill, Value};
use schema::{Kind, Message};

/// How often each version of each message is drawn, beside the draw with every field set.
const MIXED_DRAWS: usize = 5;

/// A drawn value and its bytes.
struct Example<'a> {
    message: &'a Message,
    version: i16,
    value: Value,
    bytes: Bytes,
}

fn tables() -> Vec<Message> {
    schema::read_tables(Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/src/protocol/schema"
    )))
}

/// Examples of every message in every version.
fn examples(messages: &[Message]) -> Vec<Example<'_>> {
    let mut random = Random::from_seed(20);
    let mut examples = Vec::new();
    for message in messages {
        for version in message.versions.0..=message.versions.1 {
            let mut fills = vec![Fill::Full];
            fills.resize(1 + MIXED_DRAWS, Fill::Mixed);
            fills.push(Fill::WithUnknownTags);
            for fill in fills {
                let value = sample::draw(message, version, fill, &mut random);
                let bytes = reference::encode(message, version, &value);
                examples.push(Example {
                    message,
                    version,
                    value,
                    bytes: bytes.into(),
                });
            }
        }
    }
    examples
}

#[test]
fn every_message_keeps_its_bytes_and_its_values_in_every_version() {
    let messages = tables();
    for Example {
        message,
        version,
        value,
        bytes,
    } in examples(&messages)
    {
        let place = format!("{} version {version}", message.name);
        let recoded = ours::recode(message, version, &bytes);
        let recoded = recoded.unwrap_or_else(|error| panic!("{place}: {error}"));
        let wanted = ours::Recoded {
            debug_text: reference::debug_text(message, &value),
            bytes: bytes.to_vec(),
            rest: 0,
        };
        assert_eq!(recoded, wanted, "{place}");
    }
}

#[test]
fn versions_that_do_not_exist_are_refused() {
    for message in &tables() {
        let (first, last) = message.versions;
        for version in [i16::MIN, -1, first - 1, last + 1, i16::MAX] {
            let zeros = Bytes::from_static(&[0; 64]);
            let refused = ours::recode(message, version, &zeros);
            assert!(refused.is_err(), "{} version {version}", message.name);
        }
    }
}

#[test]
fn the_table_of_apis_and_the_messages_say_the_same() {
    use forebay::protocol::{Message as _, Request};
    fn check<R: Request>() {
        let api = R::KEY.api();
        assert_eq!(R::NAME, format!("{}Request", api.name));
        assert_eq!(
            <R::Response as forebay::protocol::Message>::NAME,
            format!("{}Response", api.name)
        );
        assert_eq!(
            (R::VERSIONS, R::FLEXIBLE_SINCE),
            (api.versions, api.flexible_since)
        );
        assert_eq!(R::Response::VERSIONS, api.versions);
    }
    check::<messages::ProduceRequest>();
    check::<messages::FetchRequest>();
    check::<messages::ApiVersionsRequest>();
    check::<messages::UnregisterControllerRequest>();
    let requests = tables()
        .iter()
        .filter(|message| message.kind == Kind::Request)
        .count();
    assert_eq!(ApiKey::ALL.len(), requests);
}
