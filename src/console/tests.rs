use bytes::Bytes;

use super::request::HEAD_BYTES_MAX;
use super::*;

fn receive(connection: &mut HttpConnection, bytes: &[u8]) {
    let memory = connection
        .receive_buffer()
        .expect("the connection reads on");
    memory[..bytes.len()].copy_from_slice(bytes);
    connection.on_received(bytes.len());
}

fn text(slices: &[Bytes]) -> String {
    String::from_utf8(slices.concat()).expect("answers are text")
}

/// What a new connection says to `bytes`, if it refuses them.
fn refusal(bytes: &[u8]) -> (String, HttpConnection) {
    let mut connection = HttpConnection::default();
    receive(&mut connection, bytes);
    match connection.next_step() {
        Some(HttpStep::Refused(slices)) => (text(&slices), connection),
        other => panic!("{bytes:?} gave {other:?}"),
    }
}

#[track_caller]
fn assert_refused(bytes: &[u8], status: &str, is_over: bool) {
    let (answer, connection) = refusal(bytes);
    let line = format!("HTTP/1.1 {status} ");
    assert!(answer.starts_with(&line), "{answer}");
    assert_eq!(connection.is_over(), is_over, "{answer}");
    let said = if is_over { "close" } else { "keep-alive" };
    assert!(answer.contains(&format!("Connection: {said}\r\n")));
}

#[test]
fn what_is_asked_for_is_found_whatever_the_query() {
    for (target, asked) in [
        ("/", ConsoleRequest::Index),
        ("/health", ConsoleRequest::Health),
        ("/metrics?name[]=a", ConsoleRequest::Metrics),
        ("http://host:1/metrics", ConsoleRequest::Metrics),
        ("http://host", ConsoleRequest::Index),
    ] {
        let mut connection = HttpConnection::default();
        let request = format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n");
        receive(&mut connection, request.as_bytes());
        assert_eq!(connection.next_step(), Some(HttpStep::Request(asked)));
    }
}

#[test]
fn a_request_that_comes_byte_by_byte_is_answered_once() {
    let mut connection = HttpConnection::default();
    let request = b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n";
    for byte in &request[..request.len() - 1] {
        receive(&mut connection, &[*byte]);
        assert_eq!(connection.next_step(), None);
    }
    receive(&mut connection, b"\n");
    let asked = Some(HttpStep::Request(ConsoleRequest::Health));
    assert_eq!(connection.next_step(), asked);
    assert_eq!(connection.next_step(), None);
    let answer = text(&connection.answer(Answer::health(Health::Serving)));
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(
        answer.ends_with("\r\n\r\n{\"status\":\"ok\"}\n"),
        "{answer}"
    );
    assert!(answer.contains("Content-Length: 16\r\n"), "{answer}");
    assert_eq!(connection.next_step(), None);
    assert!(!connection.is_over());
}

#[test]
fn requests_sent_at_once_are_taken_one_after_the_other() {
    let mut connection = HttpConnection::default();
    let both = b"GET / HTTP/1.1\r\nHost: a\r\n\r\nHEAD /metrics HTTP/1.1\r\nHost: a\r\n\r\nGE";
    receive(&mut connection, both);
    let asked = Some(HttpStep::Request(ConsoleRequest::Index));
    assert_eq!(connection.next_step(), asked);
    assert!(connection.receive_buffer().is_none(), "one is in work");
    assert_eq!(connection.next_step(), None);
    connection.answer(Answer::index());
    let asked = Some(HttpStep::Request(ConsoleRequest::Metrics));
    assert_eq!(connection.next_step(), asked);
    let answer = text(&connection.answer(Answer::metrics("abc\n".to_owned())));
    assert!(answer.contains("Content-Length: 4\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\n"), "an answer to HEAD ends there");
    assert_eq!(connection.next_step(), None);
    receive(&mut connection, b"T / HTTP/1.1\r\nHost: a\r\n\r\n");
    let asked = Some(HttpStep::Request(ConsoleRequest::Index));
    assert_eq!(connection.next_step(), asked);
}

#[test]
fn the_connection_ends_when_the_client_says_so_or_is_old() {
    for (request, is_over) in [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", false),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: te, Close\r\n\r\n",
            true,
        ),
        ("GET / HTTP/1.0\r\n\r\n", true),
        ("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", false),
    ] {
        let mut connection = HttpConnection::default();
        receive(&mut connection, request.as_bytes());
        assert!(connection.next_step().is_some());
        connection.answer(Answer::index());
        assert_eq!(connection.is_over(), is_over, "{request}");
        assert_eq!(connection.receive_buffer().is_none(), is_over);
    }
}

#[test]
fn what_is_not_there_or_cannot_be_done_leaves_the_connection_open() {
    assert_refused(b"GET /metric HTTP/1.1\r\nHost: a\r\n\r\n", "404", false);
    assert_refused(b"DELETE / HTTP/1.1\r\nHost: a\r\n\r\n", "405", false);
    let (answer, _) = refusal(b"POST /health HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    assert!(answer.contains("Allow: GET, HEAD\r\n"), "{answer}");
}

#[test]
fn nonsense_ends_the_connection() {
    assert_refused(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "400", true);
    assert_refused(b"\0\0\0\x10\0\x12\0\x04\0\0\0\0", "400", true);
    assert_refused(b"GET / HTTP/1.1\r\n\r\n", "400", true);
    assert_refused(b"GET / HTTP/2.0\r\n\r\n", "505", true);
    let signed = b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +0\r\n\r\n";
    assert_refused(signed, "400", true);
}

#[test]
fn a_body_is_not_waited_for() {
    let long = b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n";
    assert_refused(long, "413", true);
    let chunked = b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_refused(chunked, "413", true);
}

#[test]
fn a_head_that_does_not_end_is_refused_when_the_memory_is_full() {
    let mut connection = HttpConnection::default();
    receive(&mut connection, b"GET / HTTP/1.1\r\nHost: ");
    while let Some(memory) = connection.receive_buffer() {
        memory[0] = b'a';
        connection.on_received(1);
        if let Some(step) = connection.next_step() {
            let HttpStep::Refused(slices) = step else {
                panic!("{step:?}")
            };
            assert!(text(&slices).starts_with("HTTP/1.1 431 "));
            assert!(connection.is_over());
            return;
        }
    }
    panic!("the memory was full and nothing was said");
}

#[test]
fn a_head_with_too_many_lines_is_refused() {
    let lines = "a: b\r\n".repeat(65);
    assert!(lines.len() < HEAD_BYTES_MAX);
    let request = format!("GET / HTTP/1.1\r\n{lines}\r\n");
    assert_refused(request.as_bytes(), "431", true);
}

#[test]
fn a_broker_that_does_not_serve_says_so_by_the_status() {
    for health in [Health::Starting, Health::Stopping] {
        let mut connection = HttpConnection::default();
        receive(&mut connection, b"GET /health HTTP/1.0\r\n\r\n");
        assert!(connection.next_step().is_some());
        let answer = text(&connection.answer(Answer::health(health)));
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    }
}
