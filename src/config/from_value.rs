//! From the value of a setting to the type of its field.

use super::sync_method::SyncMethod;
use super::topic::{
    CleanupPolicy, CompressionType, DurabilityMode, ThrottledReplicas, TimestampType,
};
use super::value::Value;

/// A type that a field of resolved settings can have.
///
/// The table has checked a value before it comes here, so the conversions cannot fail: a number
/// outside the field's range, where Kafka has no limit, becomes the nearest one inside.
pub(super) trait FromValue {
    /// The field's content for `value`.
    fn from_value(value: &Value) -> Self;
}

fn integer(value: &Value) -> i64 {
    match value {
        Value::Integer(number) => *number,
        other => panic!("a field of a number has a setting of a number, not {other:?}"),
    }
}

fn text(value: &Value) -> &str {
    match value {
        Value::Text(text) => text,
        other => panic!("a field of text has a setting of text, not {other:?}"),
    }
}

impl FromValue for bool {
    fn from_value(value: &Value) -> Self {
        match value {
            Value::Boolean(value) => *value,
            other => panic!("a boolean field has a boolean setting, not {other:?}"),
        }
    }
}

impl FromValue for i64 {
    fn from_value(value: &Value) -> Self {
        integer(value)
    }
}

impl FromValue for i32 {
    fn from_value(value: &Value) -> Self {
        let bound = if integer(value) < 0 {
            Self::MIN
        } else {
            Self::MAX
        };
        Self::try_from(integer(value)).unwrap_or(bound)
    }
}

impl FromValue for u32 {
    fn from_value(value: &Value) -> Self {
        Self::try_from(integer(value).max(0)).unwrap_or(Self::MAX)
    }
}

impl FromValue for u16 {
    fn from_value(value: &Value) -> Self {
        Self::try_from(integer(value).max(0)).unwrap_or(Self::MAX)
    }
}

impl FromValue for u64 {
    fn from_value(value: &Value) -> Self {
        integer(value).max(0).cast_unsigned()
    }
}

impl FromValue for f64 {
    fn from_value(value: &Value) -> Self {
        match value {
            Value::Double(number) => *number,
            other => panic!("a field of a fraction has a setting of one, not {other:?}"),
        }
    }
}

/// No value, or a negative number, is `None`.
impl<T: FromNumber> FromValue for Option<T> {
    fn from_value(value: &Value) -> Self {
        match value {
            Value::Null => None,
            value if integer(value) < 0 => None,
            value => Some(T::from_value(value)),
        }
    }
}

/// The numbers among the types of fields.
pub(super) trait FromNumber: FromValue {}

impl FromNumber for i64 {}
impl FromNumber for u64 {}
impl FromNumber for u32 {}
impl FromNumber for u16 {}

impl FromValue for Option<String> {
    fn from_value(value: &Value) -> Self {
        match value {
            Value::Null => None,
            value => Some(text(value).to_owned()).filter(|text| !text.is_empty()),
        }
    }
}

/// `None` has it measured.
impl FromValue for Option<SyncMethod> {
    fn from_value(value: &Value) -> Self {
        let named = |method: &SyncMethod| method.name() == text(value);
        SyncMethod::ALL.into_iter().find(named)
    }
}

impl FromValue for CleanupPolicy {
    fn from_value(value: &Value) -> Self {
        match value {
            Value::List(policies) => Self {
                delete: policies.iter().any(|policy| policy == "delete"),
                compact: policies.iter().any(|policy| policy == "compact"),
            },
            other => panic!("a cleanup policy is a list, not {other:?}"),
        }
    }
}

impl FromValue for ThrottledReplicas {
    fn from_value(value: &Value) -> Self {
        let Value::List(parts) = value else {
            panic!("throttled replicas are a list, not {value:?}");
        };
        if parts.iter().any(|part| part == "*") {
            return Self::All;
        }
        let pair = |part: &String| {
            let (partition, broker) = part.split_once(':')?;
            // A number that no partition or broker has names none.
            Some((partition.parse().ok()?, broker.parse().ok()?))
        };
        Self::These(parts.iter().filter_map(pair).collect())
    }
}

impl FromValue for CompressionType {
    fn from_value(value: &Value) -> Self {
        match text(value) {
            "producer" => Self::Producer,
            "uncompressed" => Self::Uncompressed,
            "gzip" => Self::Gzip,
            "snappy" => Self::Snappy,
            "lz4" => Self::Lz4,
            "zstd" => Self::Zstd,
            other => panic!("the table allows no compression type {other}"),
        }
    }
}

impl FromValue for DurabilityMode {
    fn from_value(value: &Value) -> Self {
        match text(value) {
            "synced" => Self::Synced,
            "replicated" => Self::Replicated,
            "relaxed" => Self::Relaxed,
            other => panic!("the table allows no durability {other}"),
        }
    }
}

impl FromValue for TimestampType {
    fn from_value(value: &Value) -> Self {
        match text(value) {
            "CreateTime" => Self::CreateTime,
            "LogAppendTime" => Self::LogAppendTime,
            other => panic!("the table allows no timestamp type {other}"),
        }
    }
}
