//! What is answered, and its bytes.

use bytes::Bytes;

const TEXT: &str = "text/plain; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json";
/// Prometheus' text format.
const EXPOSITION: &str = "text/plain; version=0.0.4; charset=utf-8";

const INDEX: &str = "<!doctype html>\n<title>Forebay</title>\n<h1>Forebay</h1>\n\
    <p><a href=\"/metrics\">/metrics</a>: the metrics, in Prometheus' text format</p>\n\
    <p><a href=\"/health\">/health</a>: whether the broker serves</p>\n";

/// How a request ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Status {
    Ok,
    BadRequest,
    NotFound,
    MethodNotAllowed,
    ContentTooLarge,
    HeadTooLarge,
    Unavailable,
    VersionNotSupported,
}

impl Status {
    const fn line(self) -> &'static str {
        match self {
            Self::Ok => "200 OK",
            Self::BadRequest => "400 Bad Request",
            Self::NotFound => "404 Not Found",
            Self::MethodNotAllowed => "405 Method Not Allowed",
            Self::ContentTooLarge => "413 Content Too Large",
            Self::HeadTooLarge => "431 Request Header Fields Too Large",
            Self::Unavailable => "503 Service Unavailable",
            Self::VersionNotSupported => "505 HTTP Version Not Supported",
        }
    }
}

/// How the broker is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Health {
    /// It has yet to open its partitions.
    Starting,
    /// It serves.
    Serving,
    /// It was told to stop.
    Stopping,
}

/// An answer. A clone shares the body.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Answer {
    status: Status,
    content_type: &'static str,
    body: Bytes,
}

impl Answer {
    /// What there is.
    #[must_use]
    pub const fn index() -> Self {
        Self::new(Status::Ok, HTML, Bytes::from_static(INDEX.as_bytes()))
    }

    /// How the broker is. Whoever sends it clients looks at the status alone.
    #[must_use]
    pub const fn health(health: Health) -> Self {
        let (status, body) = match health {
            Health::Starting => (Status::Unavailable, "{\"status\":\"starting\"}\n"),
            Health::Serving => (Status::Ok, "{\"status\":\"ok\"}\n"),
            Health::Stopping => (Status::Unavailable, "{\"status\":\"stopping\"}\n"),
        };
        Self::new(status, JSON, Bytes::from_static(body.as_bytes()))
    }

    /// The metrics, as `crate::metrics::encode_exposition` writes them.
    #[must_use]
    pub fn metrics(exposition: String) -> Self {
        Self::new(Status::Ok, EXPOSITION, Bytes::from(exposition))
    }

    /// Nothing but the status.
    pub(super) fn refusal(status: Status) -> Self {
        let body = Bytes::from(format!("{}\n", status.line()));
        Self::new(status, TEXT, body)
    }

    const fn new(status: Status, content_type: &'static str, body: Bytes) -> Self {
        Self {
            status,
            content_type,
            body,
        }
    }

    /// The bytes to be sent.
    pub(super) fn encode(self, is_head: bool, keeps_open: bool) -> Vec<Bytes> {
        let mut head = format!(
            "HTTP/1.1 {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nCache-Control: no-store\r\n",
            self.status.line(),
            self.content_type,
            self.body.len(),
        );
        if self.status == Status::MethodNotAllowed {
            head.push_str("Allow: GET, HEAD\r\n");
        }
        head.push_str(if keeps_open {
            "Connection: keep-alive\r\n\r\n"
        } else {
            "Connection: close\r\n\r\n"
        });
        let mut slices = vec![Bytes::from(head)];
        slices.extend((!is_head).then_some(self.body));
        slices
    }
}
