use std::fmt::Write as _;

use super::*;
use crate::protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use crate::protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use crate::protocol::messages::{
    ConsumerGroupMemberMetadataValue, DescribeTopicPartitionsRequest, FetchRequest,
    MetadataRequest, ProduceRequest, RequestHeader,
};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn encoded<M: Message>(message: &M, version: i16) -> Result<Bytes, EncodeError> {
    let mut writer = Writer::new();
    message.encode(&mut writer, version)?;
    Ok(writer.into_bytes())
}

#[test]
fn varints_have_seven_bits_a_byte_and_thirty_two_in_all() {
    for (value, bytes) in [
        (0, "00"),
        (127, "7f"),
        (128, "8001"),
        (300, "ac02"),
        (u32::MAX, "ffffffff0f"),
    ] {
        let mut writer = Writer::new();
        writer.put_unsigned_varint(value);
        let written = writer.into_bytes();
        assert_eq!(hex(&written), bytes);
        assert_eq!(Reader::new(written).read_unsigned_varint(), Ok(value));
    }
    for too_long in [
        &b"\xff\xff\xff\xff\x1f"[..],
        b"\x80\x80\x80\x80\x80\x01",
        b"\x80",
    ] {
        let mut reader = Reader::new(Bytes::copy_from_slice(too_long));
        assert!(reader.read_unsigned_varint().is_err());
    }
}

#[test]
fn an_error_says_where_it_stands() {
    let mut reader = Reader::new(Bytes::from_static(b"\0\x05abc"));
    let error = reader.read_string(false).unwrap_err();
    assert_eq!(
        error.to_string(),
        "expected as many bytes as the string has at byte 2"
    );
    let mut reader = Reader::new(Bytes::from_static(b"\0\x02\xff\xff"));
    assert_eq!(
        reader.read_string(false).unwrap_err().expected,
        "a string in UTF-8"
    );
    let mut reader = Reader::new(Bytes::from_static(b"\xff\xff"));
    assert_eq!(
        reader.read_string(false).unwrap_err().expected,
        "a string, not null"
    );
}

#[test]
fn an_array_that_its_elements_cannot_fill_is_refused_before_any_is_read() {
    // Three structs of at least 16 bytes do not fit into 40.
    let mut body = vec![0, 0, 0, 3];
    body.resize(44, 0);
    let mut reader = Reader::new(body.into());
    let error = reader.read_structs::<FetchPartition>(false, 4).unwrap_err();
    assert_eq!(error.position, 4);
}

#[test]
fn no_array_has_more_than_a_million_elements() {
    for (count, is_accepted) in [(ELEMENTS_MAX, true), (ELEMENTS_MAX + 1, false)] {
        let mut body = u32::try_from(count).unwrap().to_be_bytes().to_vec();
        body.resize(4 + count, 0);
        let mut reader = Reader::new(body.into());
        let read = reader.read_array(false, 1, Reader::read_i8);
        assert_eq!(read.is_ok(), is_accepted, "{count} elements");
    }
}

#[test]
fn what_a_version_lacks_is_left_out_only_where_kafka_allows_it() {
    let mut request = FetchRequest {
        rack_id: "r".to_owned(),
        ..FetchRequest::default()
    };
    assert!(encoded(&request, 4).is_ok(), "RackId is ignorable");
    request.topics.push(FetchTopic {
        partitions: vec![FetchPartition {
            last_fetched_epoch: 5,
            ..FetchPartition::default()
        }],
        ..FetchTopic::default()
    });
    assert!(encoded(&request, 12).is_ok());
    let error = EncodeError::FieldUnsupported {
        field: "FetchPartition.LastFetchedEpoch",
        version: 11,
    };
    assert_eq!(encoded(&request, 11), Err(error));
    let error = EncodeError::VersionUnsupported {
        message: "FetchRequest",
        version: 3,
    };
    assert_eq!(encoded(&request, 3), Err(error));
}

#[test]
fn null_is_refused_in_a_version_that_cannot_say_it() {
    let every_topic = MetadataRequest {
        topics: None,
        ..MetadataRequest::default()
    };
    let error = EncodeError::NullUnsupported {
        field: "MetadataRequest.Topics",
        version: 0,
    };
    assert_eq!(encoded(&every_topic, 0), Err(error));
    assert_eq!(
        encoded(&every_topic, 1),
        Ok(Bytes::from_static(b"\xff\xff\xff\xff"))
    );
    let mut reader = Reader::new(Bytes::from_static(b"\xff\xff\xff\xff"));
    assert!(MetadataRequest::decode(&mut reader, 0).is_err());
}

#[test]
fn a_null_struct_is_a_negative_byte_and_zero_inside_a_tagged_field() {
    let request = DescribeTopicPartitionsRequest::default();
    assert_eq!(hex(&encoded(&request, 0).unwrap()), "01000007d0ff00");
    let member = ConsumerGroupMemberMetadataValue {
        classic_member_metadata: None,
        ..ConsumerGroupMemberMetadataValue::default()
    };
    let bytes = encoded(&member, 0).unwrap();
    assert!(
        bytes.ends_with(b"\x01\x00\x01\x00"),
        "one field, tag 0, one byte, null"
    );
    let mut reader = Reader::new(bytes);
    assert_eq!(
        ConsumerGroupMemberMetadataValue::decode(&mut reader, 0),
        Ok(member)
    );
}

#[test]
fn unknown_tagged_fields_survive_in_the_order_of_their_tags() {
    let fields = vec![
        (7, Bytes::from_static(b"seven")),
        (3, Bytes::from_static(b"3")),
    ];
    let header = RequestHeader {
        client_id: Some("c".to_owned()),
        unknown_tagged_fields: fields.into(),
        ..RequestHeader::default()
    };
    let bytes = encoded(&header, 2).unwrap();
    assert!(bytes.ends_with(b"\x02\x03\x01\x33\x07\x05seven"));
    let mut reader = Reader::new(bytes);
    assert_eq!(RequestHeader::decode(&mut reader, 2), Ok(header.clone()));
    let error = EncodeError::TaggedFieldsUnsupported { version: 1 };
    assert_eq!(encoded(&header, 1), Err(error));
}

#[test]
fn known_and_unknown_tagged_fields_stand_in_one_order() {
    let mut tagged = TaggedFields::default();
    for tag in [2, 200] {
        let put_content = |writer: &mut Writer| {
            writer.put_i8(7);
            Ok(())
        };
        tagged.add(tag, put_content).unwrap();
    }
    let mut writer = Writer::new();
    let unknown = vec![(5, Bytes::from_static(b"five"))];
    tagged.put(&mut writer, &unknown.into()).unwrap();
    let wanted = b"\x03\x02\x01\x07\x05\x04five\xc8\x01\x01\x07";
    assert_eq!(hex(&writer.into_bytes()), hex(wanted));
}

#[test]
fn a_tag_is_written_once() {
    let request = FetchRequest {
        cluster_id: Some("c".to_owned()),
        unknown_tagged_fields: vec![(0, Bytes::from_static(b"x"))].into(),
        ..FetchRequest::default()
    };
    assert_eq!(encoded(&request, 12), Err(EncodeError::TagTaken { tag: 0 }));
}

#[test]
fn a_tagged_field_ends_where_it_says() {
    // Fetch 12, tag 0: a cluster id of one byte in a field of three.
    let mut body = encoded(&FetchRequest::default(), 12).unwrap().to_vec();
    assert_eq!(body.pop(), Some(0), "no tagged fields");
    body.extend(b"\x01\x00\x03\x02c\0");
    let mut reader = Reader::new(body.into());
    let error = FetchRequest::decode(&mut reader, 12).unwrap_err();
    assert_eq!(error.expected, "the end of the tagged field");
}

#[test]
fn record_batches_are_neither_copied_in_nor_out() {
    let batches = Bytes::from(vec![7; 5000]);
    let request = ProduceRequest {
        topic_data: vec![TopicProduceData {
            name: "t".to_owned(),
            partition_data: vec![PartitionProduceData {
                index: 1,
                records: Some(Records::new(vec![
                    batches.clone(),
                    Bytes::from_static(b"short"),
                ])),
                ..PartitionProduceData::default()
            }],
            ..TopicProduceData::default()
        }],
        ..ProduceRequest::default()
    };
    let mut writer = Writer::new();
    writer.start_frame();
    request.encode(&mut writer, 9).unwrap();
    writer.finish_frame().unwrap();
    let length = writer.len();
    let slices = writer.into_slices();
    assert_eq!(slices.len(), 3, "before, the linked batches, behind");
    assert_eq!(slices[1].as_ptr(), batches.as_ptr());
    assert!(slices[2].starts_with(b"short"), "what is short is copied");

    let frame = Bytes::from(slices.concat());
    assert_eq!(frame.len(), length);
    assert_eq!(frame[..4], u32::try_from(length - 4).unwrap().to_be_bytes());
    let mut reader = Reader::new(frame.slice(4..));
    let decoded = ProduceRequest::decode(&mut reader, 9).unwrap();
    assert_eq!(decoded, request, "however the batches are cut");
    let records = decoded.topic_data[0].partition_data[0]
        .records
        .as_ref()
        .unwrap();
    let inside = frame.as_ptr_range().contains(&records.slices()[0].as_ptr());
    assert!(inside, "the batches are a slice of the frame");
}
