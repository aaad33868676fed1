//! What a topic may be called.

use crate::model::ErrorCode;

use super::Refusal;

/// Kafka's limit: with a partition number behind it the name is still one of a folder.
const NAME_BYTES_MAX: usize = 249;

/// The name of the metadata log, which is no topic for anybody.
pub const CLUSTER_METADATA: &str = "__cluster_metadata";

/// Check that `name` is one that a topic can have.
///
/// # Errors
/// `INVALID_TOPIC_EXCEPTION` with Kafka's words.
pub fn check_topic_name(name: &str) -> Result<(), Refusal> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let fault = if name.is_empty() {
        "the empty string is not allowed".to_owned()
    } else if name == "." || name == ".." {
        format!("'{name}' is not allowed")
    } else if name.chars().count() > NAME_BYTES_MAX {
        format!("the length of '{name}' is longer than the max allowed length {NAME_BYTES_MAX}")
    } else if !name.bytes().all(is_allowed) {
        format!(
            "'{name}' contains one or more characters other than ASCII alphanumerics, '.', '_' \
             and '-'"
        )
    } else {
        return Ok(());
    };
    Err(Refusal::new(
        ErrorCode::InvalidTopicException,
        format!("Topic name is invalid: {fault}"),
    ))
}

/// The name that metrics make of a topic's: topics which share it collide (dots and underscores
/// look alike there).
pub(super) fn collision_key(name: &str) -> String {
    name.replace('.', "_")
}

/// True if another topic's name could look like this one.
pub(super) fn can_collide(name: &str) -> bool {
    name.contains(['.', '_'])
}
