//! The headers in front of every request and every response.

use bytes::Bytes;

use super::ApiKey;
use super::messages::{RequestHeader, ResponseHeader};
use super::wire::{DecodeError, EncodeError, Message as _, Reader, Writer};

/// Why a frame has no header that leads to its body.
#[derive(Clone, Debug, PartialEq)]
pub enum HeaderError {
    /// The bytes are not a request header.
    Malformed(DecodeError),
    /// There is no API of this number.
    UnknownApi {
        /// The number in the frame.
        code: i16,
        /// Its version in the frame.
        version: i16,
    },
}

/// The header of the request in `frame`, and the reader at the start of the request's body.
///
/// The version may be one that the API does not have: an ApiVersions request that is too new must
/// still be answered.
///
/// # Errors
/// If the header cannot be read: where it ends depends on the API.
pub fn decode_request_header(frame: Bytes) -> Result<(ApiKey, RequestHeader, Reader), HeaderError> {
    let mut reader = Reader::new(frame);
    let mut peek = reader.clone();
    let code = peek.read_i16().map_err(HeaderError::Malformed)?;
    let version = peek.read_i16().map_err(HeaderError::Malformed)?;
    let Some(key) = ApiKey::from_code(code) else {
        return Err(HeaderError::UnknownApi { code, version });
    };
    let header = RequestHeader::decode(&mut reader, key.request_header_version(version));
    Ok((key, header.map_err(HeaderError::Malformed)?, reader))
}

/// Appends the header of a request; the body follows.
///
/// # Errors
/// If the client id is too long.
pub fn encode_request_header(
    writer: &mut Writer,
    key: ApiKey,
    version: i16,
    correlation_id: i32,
    client_id: Option<&str>,
) -> Result<(), EncodeError> {
    let header = RequestHeader {
        request_api_key: key.code(),
        request_api_version: version,
        correlation_id,
        client_id: client_id.map(str::to_owned),
        ..RequestHeader::default()
    };
    header.encode(writer, key.request_header_version(version))
}

/// Appends the header of the response to a request of this API and version; the body follows.
///
/// # Errors
/// Never in a version that the API has.
pub fn encode_response_header(
    writer: &mut Writer,
    key: ApiKey,
    version: i16,
    correlation_id: i32,
) -> Result<(), EncodeError> {
    let header = ResponseHeader {
        correlation_id,
        ..ResponseHeader::default()
    };
    header.encode(writer, key.response_header_version(version))
}

/// The header of the response in `frame`, which answers a request of this API and version, and the
/// reader at the start of the response's body.
///
/// # Errors
/// If the bytes are not a response header.
pub fn decode_response_header(
    frame: Bytes,
    key: ApiKey,
    version: i16,
) -> Result<(ResponseHeader, Reader), DecodeError> {
    let mut reader = Reader::new(frame);
    let header = ResponseHeader::decode(&mut reader, key.response_header_version(version))?;
    Ok((header, reader))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_header_leads_to_its_body() {
        for (version, body_position) in [(3, 12), (12, 13)] {
            let mut writer = Writer::new();
            encode_request_header(&mut writer, ApiKey::Metadata, version, 77, Some("me")).unwrap();
            writer.put_i8(42);
            let (key, header, mut reader) = decode_request_header(writer.into_bytes()).unwrap();
            assert_eq!(key, ApiKey::Metadata);
            assert_eq!(header.correlation_id, 77);
            assert_eq!(header.client_id.as_deref(), Some("me"));
            assert_eq!(reader.position(), body_position);
            assert_eq!(reader.read_i8(), Ok(42));
        }
    }

    #[test]
    fn the_response_to_api_versions_has_the_oldest_header_in_every_version() {
        assert_eq!(ApiKey::ApiVersions.response_header_version(4), 0);
        assert_eq!(ApiKey::Metadata.response_header_version(9), 1);
        assert_eq!(ApiKey::Metadata.response_header_version(8), 0);
    }

    #[test]
    fn what_is_no_header_is_refused() {
        let garbage = decode_request_header(Bytes::from_static(b"\0"));
        assert!(matches!(garbage, Err(HeaderError::Malformed(_))));
        let unknown = decode_request_header(Bytes::from_static(b"\x7f\0\0\x01\0\0\0\0"));
        let error = HeaderError::UnknownApi {
            code: 0x7f00,
            version: 1,
        };
        assert_eq!(unknown.err(), Some(error));
    }
}
