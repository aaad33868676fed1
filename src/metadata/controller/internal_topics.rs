//! The topics that the broker makes for itself.

use crate::config::{BrokerConfig, TopicOwner};
use crate::protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};

/// The topic of the groups' offsets and metadata.
pub const CONSUMER_OFFSETS: &str = "__consumer_offsets";

/// The topic of the transactions' states.
pub const TRANSACTION_STATE: &str = "__transaction_state";

/// The internal topics that Kafka 4.3 knows. Only the first is made here.
const INTERNAL: [&str; 3] = [CONSUMER_OFFSETS, TRANSACTION_STATE, "__share_group_state"];

/// True for a topic whose records are not a client's.
#[must_use]
pub fn is_internal_topic(name: &str) -> bool {
    INTERNAL.contains(&name)
}

/// Whom the topic called `name` belongs to.
#[must_use]
pub fn topic_owner(name: &str) -> TopicOwner {
    match is_internal_topic(name) {
        true => TopicOwner::Broker,
        false => TopicOwner::User,
    }
}

/// The topic `name` as it is made when somebody asks for it and it is not there.
pub(in crate::metadata) fn automatic_topic(name: &str, config: &BrokerConfig) -> CreatableTopic {
    let mut topic = CreatableTopic {
        name: name.to_owned(),
        num_partitions: -1,
        replication_factor: -1,
        ..CreatableTopic::default()
    };
    if name == CONSUMER_OFFSETS {
        topic.num_partitions = i32::try_from(config.offsets_topic_num_partitions).unwrap_or(1);
        topic.replication_factor =
            i16::try_from(config.offsets_topic_replication_factor).unwrap_or(1);
        let setting = |name: &str, value: String| CreatableTopicConfig {
            name: name.to_owned(),
            value: Some(value),
            ..CreatableTopicConfig::default()
        };
        topic.configs = vec![
            setting("cleanup.policy", "compact".to_owned()),
            setting("compression.type", "producer".to_owned()),
            setting(
                "segment.bytes",
                config.offsets_topic_segment_bytes.to_string(),
            ),
        ];
    }
    topic
}
