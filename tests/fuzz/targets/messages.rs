//! Requests and responses of every API and version.

use bytes::Bytes;
use forebay::protocol::{
    AnyRequest, AnyResponse, ApiKey, EncodeError, Writer, decode_request_header,
    decode_response_header, encode_request_header, encode_response_header,
};

use super::allocations::peak_during;

/// Bytes of memory that one byte on the wire may cost. An element of an array can be a byte or two
/// on the wire, and some two hundred bytes as a struct of strings and arrays.
const MEMORY_PER_BYTE_MAX: usize = 256;

/// What small messages may cost beside.
const MEMORY_BYTES_MIN: usize = 4096;

/// `bytes` is a frame of a request, without the length before it.
pub fn check_request(bytes: &[u8]) {
    let frame = Bytes::copy_from_slice(bytes);
    let Some((key, version, request)) = bounded(&frame, read_request) else {
        return;
    };
    let again = |request: &AnyRequest| {
        encoded(|writer| {
            encode_request_header(writer, key, version, 7, Some("fuzz"))?;
            request.encode(writer, version)
        })
    };
    let Some(first) = again(&request) else {
        return;
    };
    let (_, _, second) = read_request(&first).expect("what we write is a request");
    assert_eq!(again(&second), Some(first), "{request:?}");
}

fn read_request(frame: &Bytes) -> Option<(ApiKey, i16, AnyRequest)> {
    let (key, header, mut reader) = decode_request_header(frame.clone()).ok()?;
    let version = header.request_api_version;
    let request = AnyRequest::decode(key, version, &mut reader).ok()?;
    assert_eq!(request.key(), key);
    Some((key, version, request))
}

/// `bytes` is an API's number, a version, and the frame of a response to it.
pub fn check_response(bytes: &[u8]) {
    let Some((&[a, b, c, d], frame)) = bytes.split_first_chunk() else {
        return;
    };
    let Some(key) = ApiKey::from_code(i16::from_be_bytes([a, b])) else {
        return;
    };
    let version = i16::from_be_bytes([c, d]);
    let read = |frame: &Bytes| {
        let (_, mut reader) = decode_response_header(frame.clone(), key, version).ok()?;
        AnyResponse::decode(key, version, &mut reader).ok()
    };
    let Some(response) = bounded(&Bytes::copy_from_slice(frame), read) else {
        return;
    };
    assert_eq!(response.key(), key);
    let again = |response: &AnyResponse| {
        encoded(|writer| {
            encode_response_header(writer, key, version, 7)?;
            response.encode(writer, version)
        })
    };
    let Some(first) = again(&response) else {
        return;
    };
    let second = read(&first).expect("what we write is a response");
    assert_eq!(again(&second), Some(first), "{response:?}");
}

/// What `read` makes of the frame, within the memory that it may take.
fn bounded<T>(frame: &Bytes, read: impl FnOnce(&Bytes) -> Option<T>) -> Option<T> {
    let (found, peak) = peak_during(|| read(frame));
    let allowed = MEMORY_BYTES_MIN + MEMORY_PER_BYTE_MAX * frame.len();
    assert!(
        peak <= allowed,
        "{} bytes took {peak} of memory",
        frame.len()
    );
    found
}

/// The bytes of what was decoded before. It can be written unless a tag stood in it twice.
fn encoded(write: impl FnOnce(&mut Writer) -> Result<(), EncodeError>) -> Option<Bytes> {
    let mut writer = Writer::new();
    match write(&mut writer) {
        Ok(()) => Some(writer.into_bytes()),
        Err(EncodeError::TagTaken { .. }) => None,
        Err(error) => panic!("what was read cannot be written: {error}"),
    }
}
