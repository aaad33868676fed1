//! One connection to a broker: requests to frames, bytes to the responses they are.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use bytes::{Bytes, BytesMut};

use crate::model::{ErrorCode, Uuid};
use crate::protocol::messages::{ApiVersionsRequest, ApiVersionsResponse};
use crate::protocol::{
    AnyRequest, AnyResponse, ApiKey, DecodeError, EncodeError, Message, Reader, Writer,
    decode_response_header, encode_request_header,
};

/// No answer is larger: a broker sends at most what a Fetch asked for and one batch more.
const RESPONSE_BYTES_MAX: usize = 256 << 20;

/// Requests without an answer yet; Java's producer has 5, a broker stops reading far below this.
const IN_FLIGHT_MAX: usize = 1024;

const PREFIX_BYTES: usize = 4;

/// Which answer belongs to which request of a connection.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RequestId(i32);

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// What it answers.
    pub id: RequestId,
    /// Of the API that was asked.
    pub body: AnyResponse,
}

/// The client's end of one connection.
///
/// The first thing on the wire is the question which versions the broker speaks; the client waits
/// for [`Self::is_ready`] before it sends. Every request goes out in the highest version that both
/// know.
#[derive(Debug)]
pub struct Connection {
    client_id: String,
    next_correlation_id: i32,
    versions: Option<BTreeMap<ApiKey, (i16, i16)>>,
    handshake: ApiVersionsResponse,
    in_flight: VecDeque<InFlight>,
    received: BytesMut,
    output: Vec<Bytes>,
}

#[derive(Clone, Copy, Debug)]
struct InFlight {
    correlation_id: i32,
    key: ApiKey,
    version: i16,
}

impl Connection {
    /// A connection that has just been made; [`Self::drain_output`] has the first bytes to send.
    #[must_use]
    pub fn new(client_id: &str) -> Self {
        let mut connection = Self {
            client_id: client_id.to_owned(),
            next_correlation_id: 0,
            versions: None,
            handshake: ApiVersionsResponse::default(),
            in_flight: VecDeque::new(),
            received: BytesMut::new(),
            output: Vec::new(),
        };
        let (_, newest) = offered_versions(ApiKey::ApiVersions);
        connection.ask_versions(newest);
        connection
    }

    /// True once the broker has said which versions it speaks.
    #[must_use]
    pub const fn is_ready(&self) -> bool {
        self.versions.is_some()
    }

    /// What the broker said of itself, features included. Empty before [`Self::is_ready`].
    #[must_use]
    pub const fn handshake(&self) -> &ApiVersionsResponse {
        &self.handshake
    }

    /// How many requests have no answer yet.
    #[must_use]
    pub fn in_flight_count(&self) -> usize {
        self.in_flight.len()
    }

    /// The version in which `request` would be sent.
    ///
    /// # Errors
    /// [`ConnectionError::Unsupported`] if the broker speaks none that will do.
    pub fn version_for(&self, request: &AnyRequest) -> Result<i16, ConnectionError> {
        let key = request.key();
        let (offered_first, offered_last) = offered_versions(key);
        let first = offered_first.max(oldest_shape(key));
        let last = offered_last.min(newest_without_ids(request));
        let versions = self.versions.as_ref();
        let spoken = versions.and_then(|versions| versions.get(&key)).copied();
        let unsupported = ConnectionError::Unsupported {
            key,
            needed: (first, last),
            spoken,
        };
        let Some((spoken_first, spoken_last)) = spoken else {
            return Err(unsupported);
        };
        let version = last.min(spoken_last);
        if version < first.max(spoken_first) {
            return Err(unsupported);
        }
        Ok(version)
    }

    /// Puts `request` into the output. The answer will carry the returned id; a Produce with
    /// acks=0 has none.
    ///
    /// # Errors
    /// If no version of it can be sent to this broker; nothing is sent then.
    ///
    /// # Panics
    /// Before [`Self::is_ready`], and with more than a thousand requests in flight.
    pub fn send(&mut self, request: &AnyRequest) -> Result<RequestId, ConnectionError> {
        assert!(
            self.is_ready(),
            "requests follow the broker's answer to ApiVersions"
        );
        assert!(
            self.in_flight.len() < IN_FLIGHT_MAX,
            "a client waits for answers before it asks on"
        );
        let version = self.version_for(request)?;
        let has_answer = !matches!(request, AnyRequest::Produce(produce) if produce.acks == 0);
        let encoded = self.encode(request, version);
        let id = encoded.map_err(|error| ConnectionError::Encode {
            key: request.key(),
            error,
        })?;
        if has_answer {
            self.in_flight.push_back(InFlight {
                correlation_id: id.0,
                key: request.key(),
                version,
            });
        }
        Ok(id)
    }

    /// The bytes to send, in order.
    pub fn drain_output(&mut self) -> Vec<Bytes> {
        std::mem::take(&mut self.output)
    }

    /// Bytes came from the broker.
    pub fn on_received(&mut self, bytes: &[u8]) {
        self.received.extend_from_slice(bytes);
    }

    /// The next answer among the bytes received so far. The answer to the first question is taken
    /// in silently, and may put bytes into the output.
    ///
    /// # Errors
    /// If the broker's bytes are not the answer to what was asked: the connection is of no further
    /// use.
    pub fn next_response(&mut self) -> Result<Option<Response>, ConnectionError> {
        while let Some(frame) = self.next_frame()? {
            let Some(asked) = self.in_flight.pop_front() else {
                return Err(ConnectionError::Unasked);
            };
            let malformed = |error| ConnectionError::Malformed {
                key: asked.key,
                version: asked.version,
                error,
            };
            let header = decode_response_header(frame, asked.key, asked.version);
            let (header, mut reader) = header.map_err(malformed)?;
            if header.correlation_id != asked.correlation_id {
                return Err(ConnectionError::Correlation {
                    expected: asked.correlation_id,
                    found: header.correlation_id,
                });
            }
            if !self.is_ready() {
                self.on_versions(asked.version, reader)
                    .map_err(|error| match error {
                        VersionsError::Malformed(error) => malformed(error),
                        VersionsError::Refused(code) => ConnectionError::HandshakeRefused(code),
                    })?;
                continue;
            }
            let body = AnyResponse::decode(asked.key, asked.version, &mut reader);
            let body = body.map_err(malformed)?;
            if reader.remaining() > 0 {
                return Err(malformed(reader.expected("the end of the answer")));
            }
            let id = RequestId(asked.correlation_id);
            return Ok(Some(Response { id, body }));
        }
        Ok(None)
    }

    fn next_frame(&mut self) -> Result<Option<Bytes>, ConnectionError> {
        let Some(prefix) = self.received.first_chunk::<PREFIX_BYTES>() else {
            return Ok(None);
        };
        let length = i32::from_be_bytes(*prefix);
        let size = usize::try_from(length)
            .ok()
            .filter(|size| *size <= RESPONSE_BYTES_MAX)
            .ok_or(ConnectionError::NotKafka { prefix: *prefix })?;
        if self.received.len() - PREFIX_BYTES < size {
            return Ok(None);
        }
        drop(self.received.split_to(PREFIX_BYTES));
        Ok(Some(self.received.split_to(size).freeze()))
    }

    fn ask_versions(&mut self, version: i16) {
        let request = AnyRequest::ApiVersions(ApiVersionsRequest {
            client_software_name: "forebay".to_owned(),
            client_software_version: env!("CARGO_PKG_VERSION").to_owned(),
            ..ApiVersionsRequest::default()
        });
        let id = self.encode(&request, version);
        self.in_flight.push_back(InFlight {
            correlation_id: id.expect("our own name and version can be encoded").0,
            key: ApiKey::ApiVersions,
            version,
        });
    }

    fn on_versions(&mut self, version: i16, mut reader: Reader) -> Result<(), VersionsError> {
        let mut peek = reader.clone();
        let code = peek.read_i16().map_err(VersionsError::Malformed)?;
        // A broker that does not know our version answers in version 0 and says what it knows
        // (KIP-511); a very old one only closes the connection.
        let is_too_new = code == ErrorCode::UnsupportedVersion.code() && version > 0;
        let answer = if is_too_new {
            ApiVersionsResponse::decode(&mut reader, 0)
        } else {
            ApiVersionsResponse::decode(&mut reader, version)
        };
        let answer = answer.map_err(VersionsError::Malformed)?;
        if is_too_new {
            let code = ApiKey::ApiVersions.code();
            let spoken = answer.api_keys.iter().find(|api| api.api_key == code);
            let newest = spoken.map_or(0, |api| api.max_version);
            self.ask_versions(newest.clamp(0, version - 1));
            return Ok(());
        }
        error_of_handshake(answer.error_code)?;
        let known = answer.api_keys.iter().filter_map(|api| {
            let key = ApiKey::from_code(api.api_key)?;
            Some((key, (api.min_version, api.max_version)))
        });
        self.versions = Some(known.collect());
        self.handshake = answer;
        Ok(())
    }

    fn encode(&mut self, request: &AnyRequest, version: i16) -> Result<RequestId, EncodeError> {
        let correlation_id = self.next_correlation_id;
        let mut writer = Writer::new();
        writer.start_frame();
        let client_id = Some(self.client_id.as_str());
        encode_request_header(
            &mut writer,
            request.key(),
            version,
            correlation_id,
            client_id,
        )?;
        request.encode(&mut writer, version)?;
        writer.finish_frame()?;
        self.output.extend(writer.into_slices());
        self.next_correlation_id = correlation_id.wrapping_add(1);
        Ok(RequestId(correlation_id))
    }
}

enum VersionsError {
    Malformed(DecodeError),
    Refused(ErrorCode),
}

fn error_of_handshake(code: i16) -> Result<(), VersionsError> {
    super::error_of(code).map_err(VersionsError::Refused)
}

/// The versions that we offer: all that Kafka offers of those the codec knows.
fn offered_versions(key: ApiKey) -> (i16, i16) {
    let api = key.api();
    let (first, last) = api.versions;
    (first, last - i16::from(api.is_latest_version_unstable))
}

/// The oldest version in the shape in which this client asks: before these, the same question was
/// asked in other fields. All brokers since Kafka 3.0 speak them.
const fn oldest_shape(key: ApiKey) -> i16 {
    match key {
        ApiKey::FindCoordinator => 4,
        ApiKey::OffsetFetch => 8,
        ApiKey::LeaveGroup => 3,
        ApiKey::DeleteTopics => 6,
        ApiKey::Metadata => 4,
        _ => 0,
    }
}

/// The newest version that names topics as `request` does: the newer ones have ids only, which
/// the client may not have learned.
fn newest_without_ids(request: &AnyRequest) -> i16 {
    let lacks_id = |mut ids: &mut dyn Iterator<Item = Uuid>| (&mut ids).any(|id| id.is_zero());
    let (lacks_id, newest) = match request {
        AnyRequest::Produce(request) => {
            let mut ids = request.topic_data.iter().map(|topic| topic.topic_id);
            (lacks_id(&mut ids), 12)
        }
        AnyRequest::Fetch(request) => {
            let forgotten = request.forgotten_topics_data.iter();
            let topics = request.topics.iter().map(|topic| topic.topic_id);
            let mut ids = topics.chain(forgotten.map(|topic| topic.topic_id));
            (lacks_id(&mut ids), 12)
        }
        AnyRequest::OffsetCommit(request) => {
            let mut ids = request.topics.iter().map(|topic| topic.topic_id);
            (lacks_id(&mut ids), 9)
        }
        AnyRequest::OffsetFetch(request) => {
            let groups = request.groups.iter();
            // An answer for all topics would name them by their ids.
            let asks_for_all = groups.clone().any(|group| group.topics.is_none());
            let mut ids = groups.flat_map(|group| {
                let topics = group.topics.iter().flatten();
                topics.map(|topic| topic.topic_id)
            });
            (asks_for_all || lacks_id(&mut ids), 9)
        }
        _ => (false, i16::MAX),
    };
    if lacks_id { newest } else { i16::MAX }
}

/// Why a connection cannot go on, or a request cannot be sent.
#[derive(Clone, Debug, PartialEq)]
pub enum ConnectionError {
    /// The first bytes of an answer are no length: whatever answers, it is not Kafka.
    NotKafka {
        /// The four bytes.
        prefix: [u8; 4],
    },
    /// The broker lacks the API or a version of it that will do.
    Unsupported {
        /// The API.
        key: ApiKey,
        /// The oldest and newest version that we could use.
        needed: (i16, i16),
        /// What the broker speaks; `None` if it lacks the API.
        spoken: Option<(i16, i16)>,
    },
    /// The broker refused to say which versions it speaks.
    HandshakeRefused(ErrorCode),
    /// The request has something that its version cannot carry.
    Encode {
        /// The API.
        key: ApiKey,
        /// What it is.
        error: EncodeError,
    },
    /// The answer is not one of the API and version that was asked.
    Malformed {
        /// The API.
        key: ApiKey,
        /// Its version.
        version: i16,
        /// Where and why.
        error: DecodeError,
    },
    /// The answer belongs to another request.
    Correlation {
        /// The oldest request without an answer.
        expected: i32,
        /// The number in the answer.
        found: i32,
    },
    /// An answer came and nothing had been asked.
    Unasked,
}

impl fmt::Display for ConnectionError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotKafka { prefix } if prefix.is_ascii() && prefix[0] > b' ' => {
                let text = String::from_utf8_lossy(prefix);
                write!(
                    formatter,
                    "it is no Kafka broker: its answer begins with {text:?}"
                )
            }
            Self::NotKafka { prefix } => {
                let [a, b, c, d] = prefix;
                write!(
                    formatter,
                    "it is no Kafka broker: its answer begins with {a:02x} {b:02x} {c:02x} {d:02x}"
                )
            }
            Self::Unsupported {
                key, spoken: None, ..
            } => {
                write!(formatter, "the broker does not offer {}", key.name())
            }
            Self::Unsupported {
                key,
                needed: (first, last),
                spoken: Some((oldest, newest)),
            } => {
                write!(
                    formatter,
                    "the broker speaks {} in versions {oldest} to {newest}, but {first} to {last} \
                     are needed",
                    key.name()
                )
            }
            Self::HandshakeRefused(code) => {
                write!(
                    formatter,
                    "the broker refused the first request: {}",
                    code.name()
                )
            }
            Self::Encode { key, error } => write!(formatter, "{}: {error}", key.name()),
            Self::Malformed {
                key,
                version,
                error,
            } => write!(
                formatter,
                "the answer to {} version {version} is broken: {error}",
                key.name()
            ),
            Self::Correlation { expected, found } => {
                write!(
                    formatter,
                    "request {expected} was answered with the answer to {found}"
                )
            }
            Self::Unasked => formatter.write_str("an answer came to nothing that was asked"),
        }
    }
}

impl std::error::Error for ConnectionError {}
