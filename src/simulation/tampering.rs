//! What planted bugs make of the requests and answers between nodes: the same bytes with one lie in
//! them, as a broker would send them that had the bug.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::protocol::messages::fetch_response::EpochEndOffset;
use crate::protocol::{
    AnyRequest, AnyResponse, ApiKey, Writer, decode_request_header, decode_response_header,
    encode_request_header, encode_response_header,
};

use super::planted::PlantedBug;

/// The length in front of every frame.
const LENGTH_BYTES: usize = 4;

/// By how much [`PlantedBug::RaisesWatermark`] lies.
const WATERMARK_RAISED_BY: i64 = 3;

/// What was asked on one connection between nodes and not answered, by correlation id.
#[derive(Debug, Default)]
pub struct Asked(BTreeMap<i32, (ApiKey, i16)>);

/// A node sends `bytes`, whole frames, to one that it dialed: what goes out instead.
#[must_use]
pub fn tamper_with_requests(bug: PlantedBug, asked: &mut Asked, bytes: Vec<u8>) -> Vec<u8> {
    each_frame(bytes, |frame| {
        let (key, header, mut reader) = decode_request_header(frame).ok()?;
        let (version, id) = (header.request_api_version, header.correlation_id);
        asked.0.insert(id, (key, version));
        if key != ApiKey::Fetch || bug != PlantedBug::ClaimsMore {
            return None;
        }
        let mut request = AnyRequest::decode(key, version, &mut reader).ok()?;
        let AnyRequest::Fetch(fetch) = &mut request else {
            return None;
        };
        let partitions = fetch
            .topics
            .iter_mut()
            .flat_map(|topic| &mut topic.partitions);
        partitions.for_each(|partition| partition.fetch_offset += 1);
        let mut writer = Writer::new();
        writer.start_frame();
        let client = header.client_id.as_deref();
        encode_request_header(&mut writer, key, version, id, client).ok()?;
        request.encode(&mut writer, version).ok()?;
        writer.finish_frame().ok()?;
        Some(writer.into_bytes())
    })
}

/// A node sends `bytes`, whole frames, to one that dialed it: what goes out instead.
#[must_use]
pub fn tamper_with_answers(bug: PlantedBug, asked: &mut Asked, bytes: Vec<u8>) -> Vec<u8> {
    each_frame(bytes, |frame| {
        let id = i32::from_be_bytes(*frame.first_chunk()?);
        let (key, version) = asked.0.remove(&id)?;
        let (_, mut reader) = decode_response_header(frame, key, version).ok()?;
        let mut answer = AnyResponse::decode(key, version, &mut reader).ok()?;
        match &mut answer {
            AnyResponse::Vote(vote) if bug == PlantedBug::GrantsEveryVote => {
                let partitions = vote
                    .topics
                    .iter_mut()
                    .flat_map(|topic| &mut topic.partitions);
                partitions.for_each(|partition| partition.vote_granted = true);
            }
            AnyResponse::Fetch(fetch) if bug == PlantedBug::HidesDivergence => {
                let topics = fetch.responses.iter_mut();
                let partitions = topics.flat_map(|topic| &mut topic.partitions);
                partitions.for_each(|one| one.diverging_epoch = EpochEndOffset::default());
            }
            AnyResponse::Fetch(fetch) if bug == PlantedBug::RaisesWatermark => {
                let topics = fetch.responses.iter_mut();
                let partitions = topics.flat_map(|topic| &mut topic.partitions);
                partitions.for_each(|one| one.high_watermark += WATERMARK_RAISED_BY);
            }
            _ => return None,
        }
        let mut writer = Writer::new();
        writer.start_frame();
        encode_response_header(&mut writer, key, version, id).ok()?;
        answer.encode(&mut writer, version).ok()?;
        writer.finish_frame().ok()?;
        Some(writer.into_bytes())
    })
}

/// The frames in `bytes`, with those in place of which `change` has something else.
fn each_frame(bytes: Vec<u8>, mut change: impl FnMut(Bytes) -> Option<Bytes>) -> Vec<u8> {
    let mut rest = Bytes::from(bytes);
    let mut changed = Vec::with_capacity(rest.len());
    while let Some(prefix) = rest.first_chunk::<LENGTH_BYTES>() {
        let length = usize::try_from(u32::from_be_bytes(*prefix)).expect("it lies in memory");
        assert!(
            LENGTH_BYTES + length <= rest.len(),
            "nodes send whole frames to each other"
        );
        let whole = rest.split_to(LENGTH_BYTES + length);
        match change(whole.slice(LENGTH_BYTES..)) {
            Some(other) => changed.extend_from_slice(&other),
            None => changed.extend_from_slice(&whole),
        }
    }
    changed
}
