//! The head of a request: what is asked for, and how it is to be answered.

use httparse::{EMPTY_HEADER, Error, Request};

use super::answer::Status;

/// The most bytes that the head of a request may have. Browsers send less than 2 KiB.
pub const HEAD_BYTES_MAX: usize = 8 << 10;

/// The most header lines.
const HEADERS_MAX: usize = 64;

/// Something that the console can tell.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ConsoleRequest {
    /// What there is.
    Index,
    /// Whether the broker serves.
    Health,
    /// The metrics of every shard.
    Metrics,
}

/// A whole head.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Head {
    /// How many bytes it took.
    pub length: usize,
    /// What is asked for, or why it is not told.
    pub asked: Result<ConsoleRequest, Status>,
    /// The answer goes without its body.
    pub is_head: bool,
    /// The client may send another request on the connection.
    pub keeps_open: bool,
}

/// The head that `bytes` start with, if it is whole.
///
/// # Errors
/// The bytes are no request that can be answered, nor can be what follows them.
pub fn parse_head(bytes: &[u8]) -> Result<Option<Head>, Status> {
    let mut headers = [EMPTY_HEADER; HEADERS_MAX];
    let mut request = Request::new(&mut headers);
    let length = match request.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) if bytes.len() < HEAD_BYTES_MAX => return Ok(None),
        Ok(httparse::Status::Partial) | Err(Error::TooManyHeaders) => {
            return Err(Status::HeadTooLarge);
        }
        Err(Error::Version) => return Err(Status::VersionNotSupported),
        Err(_) => return Err(Status::BadRequest),
    };
    let is_newer = request.version == Some(1);
    let mut keeps_open = is_newer;
    let mut has_host = false;
    for header in request.headers.iter() {
        let is = |name: &str| header.name.eq_ignore_ascii_case(name);
        if is("host") {
            has_host = true;
        } else if is("connection") {
            keeps_open = keeps_open_after(header.value, keeps_open);
        } else if is("transfer-encoding") {
            return Err(Status::ContentTooLarge);
        } else if is("content-length") {
            // No request here has a body, so one that is announced is not waited for.
            check_no_content(header.value)?;
        }
    }
    if is_newer && !has_host {
        return Err(Status::BadRequest);
    }
    let method = request.method.unwrap_or_default();
    let asked = route(request.path.unwrap_or_default()).and_then(|asked| match method {
        "GET" | "HEAD" => Ok(asked),
        _ => Err(Status::MethodNotAllowed),
    });
    Ok(Some(Head {
        length,
        asked,
        is_head: method == "HEAD",
        keeps_open,
    }))
}

fn keeps_open_after(value: &[u8], before: bool) -> bool {
    let options = value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    options.fold(before, |keeps_open, option| {
        if option.eq_ignore_ascii_case(b"close") {
            false
        } else {
            keeps_open || option.eq_ignore_ascii_case(b"keep-alive")
        }
    })
}

fn check_no_content(value: &[u8]) -> Result<(), Status> {
    let is_number = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    if !is_number {
        Err(Status::BadRequest)
    } else if value.iter().all(|digit| *digit == b'0') {
        Ok(())
    } else {
        Err(Status::ContentTooLarge)
    }
}

/// What stands at `target`, which proxies may write with the host before it (RFC 9112).
fn route(target: &str) -> Result<ConsoleRequest, Status> {
    let path = match target.strip_prefix("http://") {
        Some(rest) => rest.find('/').map_or("/", |slash| &rest[slash..]),
        None => target,
    };
    match path.split('?').next() {
        Some("/") => Ok(ConsoleRequest::Index),
        Some("/health") => Ok(ConsoleRequest::Health),
        Some("/metrics") => Ok(ConsoleRequest::Metrics),
        _ => Err(Status::NotFound),
    }
}
