//! What of Java shows through Kafka's protocol: string hashes, table order, address texts.

use ::core::net::IpAddr;

use crate::security::host_text;

/// `String.hashCode`: over UTF-16 units, with 31 as the base.
pub(super) fn string_hash(text: &str) -> i32 {
    text.encode_utf16().fold(0_i32, |hash, unit| {
        hash.wrapping_mul(31).wrapping_add(i32::from(unit))
    })
}

/// The partition of `__consumer_offsets` that keeps the group `group_id`.
///
/// # Panics
/// If `partition_count` is not positive: an offsets topic has partitions.
#[must_use]
pub fn partition_for(group_id: &str, partition_count: i32) -> i32 {
    assert!(partition_count > 0, "the offsets topic has partitions");
    // Kafka takes zero for the one hash that has no positive counterpart.
    string_hash(group_id).checked_abs().unwrap_or(0) % partition_count
}

/// Where a hash table of Java with `entry_count` entries keeps `key`: entries in a lower place are
/// met first.
pub(super) fn table_place(key: &str, entry_count: usize) -> u32 {
    /// The smallest table.
    const PLACES_MIN: usize = 16;
    let mut places = PLACES_MIN;
    while entry_count > places / 4 * 3 {
        places *= 2;
    }
    let hash = string_hash(key).cast_unsigned();
    let mask = u32::try_from(places - 1).unwrap_or(u32::MAX);
    (hash ^ (hash >> 16)) & mask
}

/// `InetAddress.toString` of an address without a name: a slash, and no `::` in version 6.
pub(super) fn address_text(address: IpAddr) -> String {
    format!("/{}", host_text(address))
}

/// `String.length`: UTF-16 units.
pub(super) fn string_length(text: &str) -> usize {
    text.encode_utf16().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_java() {
        assert_eq!(string_hash(""), 0);
        assert_eq!(string_hash("group1"), -1_237_460_590);
        assert_eq!(string_hash("polygenelubricants"), i32::MIN);
        assert_eq!(string_hash("\u{1f600}"), 0xd83d * 31 + 0xde00);
    }

    #[test]
    fn a_group_belongs_to_the_partition_where_kafka_looks_for_it() {
        assert_eq!(partition_for("", 50), 0);
        assert_eq!(partition_for("group1", 50), 40);
        assert_eq!(partition_for("polygenelubricants", 50), 0);
    }

    #[test]
    fn addresses_read_as_java_writes_them() {
        assert_eq!(address_text("127.0.0.1".parse().unwrap()), "/127.0.0.1");
        assert_eq!(address_text("::1".parse().unwrap()), "/0:0:0:0:0:0:0:1");
        assert_eq!(
            address_text("fe80::a:0:1".parse().unwrap()),
            "/fe80:0:0:0:0:a:0:1"
        );
    }
}
