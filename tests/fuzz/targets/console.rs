//! What a client sends to the HTTP listener.

use forebay::console::{Answer, ConsoleRequest, Health, HttpConnection, HttpStep};

/// Requests that one byte may be. The shortest has more.
const REQUESTS_PER_BYTE_MAX: usize = 1;

/// `bytes` says in its first byte how much arrives at a time; then comes the stream.
pub fn check(bytes: &[u8]) {
    let Some((&step, stream)) = bytes.split_first() else {
        return;
    };
    let whole = talk(stream, usize::MAX);
    let in_pieces = talk(stream, 1 + usize::from(step));
    assert_eq!(whole, in_pieces, "it does not matter how bytes arrive");
}

/// What is answered to a stream that arrives in pieces.
fn talk(mut stream: &[u8], piece: usize) -> Vec<u8> {
    let (length, mut sent, mut count) = (stream.len(), Vec::new(), 0);
    let mut connection = HttpConnection::default();
    while !connection.is_over() {
        if let Some(step) = connection.next_step() {
            count += 1;
            assert!(
                count <= length * REQUESTS_PER_BYTE_MAX,
                "it goes round in circles"
            );
            let slices = match step {
                HttpStep::Request(request) => {
                    assert!(connection.receive_buffer().is_none(), "one at a time");
                    connection.answer(answer_to(request))
                }
                HttpStep::Refused(slices) => slices,
            };
            check_head(&slices[0]);
            sent.extend(slices.concat());
        } else if stream.is_empty() {
            break;
        } else {
            let memory = connection.receive_buffer();
            let memory = memory.expect("a connection that is not over waits for bytes");
            let received = memory.len().min(stream.len()).min(piece);
            memory[..received].copy_from_slice(&stream[..received]);
            connection.on_received(received);
            stream = &stream[received..];
        }
    }
    sent
}

fn answer_to(request: ConsoleRequest) -> Answer {
    match request {
        ConsoleRequest::Index => Answer::index(),
        ConsoleRequest::Health => Answer::health(Health::Serving),
        ConsoleRequest::Metrics => Answer::metrics("a 1\n".to_owned()),
    }
}

fn check_head(head: &[u8]) {
    let text = std::str::from_utf8(head).expect("a head is text");
    assert!(
        text.starts_with("HTTP/1.1 ") && text.ends_with("\r\n\r\n"),
        "{text:?}"
    );
}
