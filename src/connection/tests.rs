use super::receive::PARKED_BYTES_MAX;
use super::*;
use crate::stdx::buffer::BlockPool;
use crate::stdx::{Instant, Random};

const FRAME_BYTES_MAX: usize = 1 << 20;

fn supply() -> BlockSupply {
    BlockSupply::new(BlockPool::new(64 << 10, 4), 4 << 20)
}

fn frame(body: &[u8]) -> Vec<u8> {
    let length = i32::try_from(body.len()).unwrap();
    [&length.to_be_bytes()[..], body].concat()
}

/// Feed `bytes` in pieces of at most `piece` and collect the frames.
fn feed(
    connection: &mut Connection,
    supply: &mut BlockSupply,
    mut bytes: &[u8],
    piece: usize,
) -> Vec<Bytes> {
    let mut frames = Vec::new();
    while !bytes.is_empty() {
        let buffer = connection
            .receive_buffer(supply)
            .expect("the connection has room");
        let length = buffer.len().min(bytes.len()).min(piece);
        buffer[..length].copy_from_slice(&bytes[..length]);
        bytes = &bytes[length..];
        connection.on_received(Instant::default(), length);
        while let Some(frame) = connection
            .next_frame(FRAME_BYTES_MAX, |_| Some(Overlap::Allowed))
            .expect("a sound stream")
        {
            let slot = connection.open_slot();
            connection.complete_slot(slot, Vec::new());
            connection.drain_answers();
            frames.push(frame);
        }
        connection.release_block(Instant::default(), supply);
    }
    frames
}

#[test]
fn frames_come_out_whole_however_the_stream_is_cut() {
    let mut random = Random::from_seed(3);
    for piece in [1, 3, 1000, 70_000, 1 << 20] {
        let sizes: Vec<usize> = (0..40)
            .map(|index| match index % 4 {
                0 => 0,
                1 => usize::try_from(random.below(100)).unwrap(),
                2 => usize::try_from(random.below(70_000)).unwrap(),
                _ => {
                    if piece > 3 {
                        usize::try_from(random.below(900_000)).unwrap()
                    } else {
                        5
                    }
                }
            })
            .collect();
        let bodies: Vec<Vec<u8>> = sizes
            .iter()
            .map(|size| {
                (0..*size)
                    .map(|_| random.next_u64().to_le_bytes()[0])
                    .collect()
            })
            .collect();
        let stream: Vec<u8> = bodies.iter().flat_map(|body| frame(body)).collect();
        let frames = feed(
            &mut Connection::new(Instant::default()),
            &mut supply(),
            &stream,
            piece,
        );
        assert_eq!(frames.len(), bodies.len());
        for (frame, body) in frames.iter().zip(&bodies) {
            assert!(frame == body, "piece {piece}");
        }
    }
}

#[test]
fn a_negative_or_oversized_length_ends_the_stream() {
    for (length, expected) in [
        (-1, FrameError::Negative(-1)),
        (i32::MIN, FrameError::Negative(i32::MIN)),
        (
            i32::MAX,
            FrameError::TooLarge {
                claimed: 0x7fff_ffff,
                allowed: FRAME_BYTES_MAX,
            },
        ),
    ] {
        let (mut connection, mut supply) = (Connection::new(Instant::default()), supply());
        let buffer = connection.receive_buffer(&mut supply).unwrap();
        buffer[..4].copy_from_slice(&i32::to_be_bytes(length));
        connection.on_received(Instant::default(), 4);
        let error = connection
            .next_frame(FRAME_BYTES_MAX, |_| Some(Overlap::Allowed))
            .unwrap_err();
        assert_eq!(error, expected);
    }
}

#[test]
fn a_client_that_speaks_http_or_tls_is_named_as_such() {
    let told = |bytes: [u8; 4]| {
        let claimed = usize::try_from(u32::from_be_bytes(bytes)).unwrap();
        FrameError::TooLarge {
            claimed,
            allowed: FRAME_BYTES_MAX,
        }
        .to_string()
    };
    assert!(told(*b"GET ").contains("HTTP"));
    assert!(told([0x16, 3, 1, 0]).contains("TLS"));
    assert!(!told([0x7f, 0xff, 0xff, 0xff]).contains("looks like"));
}

#[test]
fn a_claimed_length_does_not_reserve_memory() {
    let (mut connection, mut supply) = (Connection::new(Instant::default()), supply());
    let buffer = connection.receive_buffer(&mut supply).unwrap();
    buffer[..4].copy_from_slice(&i32::to_be_bytes(1 << 20));
    connection.on_received(Instant::default(), 4);
    assert!(connection.receive_buffer(&mut supply).unwrap().len() <= 512 << 10);
}

#[test]
fn an_idle_connection_holds_no_block() {
    let (mut connection, mut supply) = (Connection::new(Instant::default()), supply());
    feed(&mut connection, &mut supply, &frame(b"request"), 100);
    assert!(format!("{connection:?}").contains("block: None"));
}

#[test]
fn answers_leave_in_the_order_of_their_requests() {
    let mut connection = Connection::new(Instant::default());
    let (first, second, third) = (
        connection.open_slot(),
        connection.open_slot(),
        connection.open_slot(),
    );
    connection.complete_slot(second, vec![Bytes::from_static(b"2")]);
    assert!(connection.drain_answers().is_empty());
    connection.complete_slot(first, vec![Bytes::from_static(b"1")]);
    assert_eq!(connection.drain_answers().concat(), b"12");
    connection.complete_slot(third, Vec::new());
    assert!(connection.drain_answers().is_empty());
    assert_eq!(connection.in_flight_count(), 0);
}

#[test]
fn an_exclusive_request_waits_for_those_before_it_and_holds_those_after_it() {
    let (mut connection, mut supply) = (Connection::new(Instant::default()), supply());
    let stream = [frame(b"a"), frame(b"X"), frame(b"b")].concat();
    let overlap_of = |frame: &[u8]| {
        Some(if frame == b"X" {
            Overlap::Forbidden
        } else {
            Overlap::Allowed
        })
    };
    let buffer = connection.receive_buffer(&mut supply).unwrap();
    buffer[..stream.len()].copy_from_slice(&stream);
    connection.on_received(Instant::default(), stream.len());
    let next =
        |connection: &mut Connection| connection.next_frame(FRAME_BYTES_MAX, overlap_of).unwrap();
    assert_eq!(next(&mut connection).unwrap(), "a");
    let slot_a = connection.open_slot();
    assert_eq!(next(&mut connection), None);
    connection.complete_slot(slot_a, Vec::new());
    connection.drain_answers();
    assert_eq!(next(&mut connection).unwrap(), "X");
    let slot_x = connection.open_slot();
    assert_eq!(next(&mut connection), None);
    connection.complete_slot(slot_x, Vec::new());
    connection.drain_answers();
    assert_eq!(next(&mut connection).unwrap(), "b");
}

#[test]
fn requests_that_cannot_start_are_received_up_to_the_end_of_a_block() {
    let (mut connection, mut supply) = (Connection::new(Instant::default()), supply());
    let stream = frame(b"X").repeat(20_000);
    let mut received = 0;
    while let Some(buffer) = connection.receive_buffer(&mut supply) {
        let length = buffer.len();
        buffer.copy_from_slice(&stream[received..received + length]);
        connection.on_received(Instant::default(), length);
        received += length;
        while connection
            .next_frame(FRAME_BYTES_MAX, |_| Some(Overlap::Forbidden))
            .unwrap()
            .is_some()
        {
            connection.open_slot();
        }
    }
    assert_eq!((received, connection.in_flight_count()), (64 << 10, 1));
}

#[test]
fn a_client_that_does_not_read_is_not_read_from() {
    let (mut connection, mut supply) = (Connection::new(Instant::default()), supply());
    let slot = connection.open_slot();
    connection.complete_slot(slot, vec![Bytes::from(vec![0; UNSENT_BYTES_MAX + 1])]);
    connection.drain_answers();
    assert!(connection.receive_buffer(&mut supply).is_none());
    connection.on_sent(Instant::default(), 1);
    assert!(connection.receive_buffer(&mut supply).is_some());
}

/// The connection is sent `bytes` as far as it takes them; how many that were.
fn push(connection: &mut Connection, supply: &mut BlockSupply, bytes: &[u8]) -> usize {
    let mut pushed = 0;
    while pushed < bytes.len()
        && let Some(buffer) = connection.receive_buffer(supply)
    {
        let length = buffer.len().min(bytes.len() - pushed);
        buffer[..length].copy_from_slice(&bytes[pushed..pushed + length]);
        connection.on_received(Instant::default(), length);
        pushed += length;
        while let Some(_frame) = connection
            .next_frame(FRAME_BYTES_MAX, |_| Some(Overlap::Allowed))
            .unwrap()
        {
            let slot = connection.open_slot();
            connection.complete_slot(slot, Vec::new());
            connection.drain_answers();
        }
        connection.release_block(Instant::default(), supply);
    }
    pushed
}

#[test]
fn the_beginning_of_a_frame_waits_in_as_much_memory_as_it_has_bytes() {
    let (mut connection, mut supply) = (Connection::new(Instant::default()), supply());
    let frame = frame(&[7; 1000]);
    push(&mut connection, &mut supply, &frame[..5]);
    assert_eq!(supply.held_bytes(), 5);
    push(&mut connection, &mut supply, &frame[5..900]);
    assert_eq!(supply.held_bytes(), 900);
    push(&mut connection, &mut supply, &frame[900..]);
    assert_eq!(supply.held_bytes(), 0);
}

#[test]
fn whole_requests_that_wait_for_an_answer_are_taken_from_wherever_they_wait() {
    let (mut connection, mut supply) = (Connection::new(Instant::default()), supply());
    let stream = [frame(b"first"), frame(b"second"), frame(b"third")].concat();
    let buffer = connection.receive_buffer(&mut supply).unwrap();
    buffer[..stream.len()].copy_from_slice(&stream);
    connection.on_received(Instant::default(), stream.len());
    for expected in ["first", "second", "third"] {
        let next = connection.next_frame(FRAME_BYTES_MAX, |_| Some(Overlap::Forbidden));
        assert_eq!(next.unwrap().unwrap(), expected);
        let slot = connection.open_slot();
        connection.release_block(Instant::default(), &mut supply);
        assert_eq!(connection.partial_since(), None, "what waits is whole");
        connection.complete_slot(slot, Vec::new());
        connection.drain_answers();
    }
    assert_eq!(supply.held_bytes(), 0);
}

#[test]
fn large_requests_wait_for_memory_while_small_ones_go_on() {
    let mut supply = BlockSupply::new(BlockPool::new(256 << 10, 4), 1 << 20);
    let large = frame(&vec![1; FRAME_BYTES_MAX]);
    let mut clients = [(); 3].map(|()| Connection::new(Instant::default()));
    let [first, second, small] = &mut clients;
    let half = 600 << 10;
    assert_eq!(push(first, &mut supply, &large[..half]), half);
    assert!(!supply.take_refusal());
    let begun = push(second, &mut supply, &large);
    assert!(begun < half, "{begun} bytes were taken");
    assert!(supply.take_refusal());
    assert!(supply.held_bytes() <= 2 << 20, "{}", supply.held_bytes());
    let request = frame(b"a small request");
    assert_eq!(push(small, &mut supply, &request), request.len());
    // The first one's memory is enough for the second.
    assert_eq!(push(first, &mut supply, &large[half..]), large.len() - half);
    assert_eq!(
        push(second, &mut supply, &large[begun..]),
        large.len() - begun
    );
    assert_eq!(supply.held_bytes(), 0);
}

#[test]
fn what_is_small_or_of_a_node_comes_whole_while_others_hold_all_memory() {
    let mut supply = BlockSupply::new(BlockPool::new(256 << 10, 4), 16 << 10);
    let large = frame(&vec![1; 100 << 10]);
    let mut clients = [(); 4].map(|()| Connection::new(Instant::default()));
    let [holds, large_too, small, node] = &mut clients;
    assert_eq!(push(holds, &mut supply, &large[..50_000]), 50_000);
    let held = supply.held_bytes();
    assert_eq!(push(large_too, &mut supply, &large), PARKED_BYTES_MAX);
    assert!(supply.take_refusal(), "it waits");
    assert_eq!(supply.held_bytes(), held + PARKED_BYTES_MAX);
    let request = frame(&[2; 3000]);
    assert_eq!(push(small, &mut supply, &request), request.len());
    node.be_of_node();
    assert_eq!(push(node, &mut supply, &large), large.len());
    assert_eq!(
        push(holds, &mut supply, &large[50_000..]),
        large.len() - 50_000
    );
    let rest = &large[PARKED_BYTES_MAX..];
    assert_eq!(push(large_too, &mut supply, rest), rest.len());
    assert_eq!(supply.held_bytes(), 0);
}

#[test]
fn large_requests_that_fill_the_memory_together_do_not_wait_for_each_other() {
    let mut supply = BlockSupply::new(BlockPool::new(256 << 10, 4), 2 << 20);
    let large = frame(&vec![1; FRAME_BYTES_MAX]);
    let mut clients = [(); 4].map(|()| (Connection::new(Instant::default()), 0));
    // Each gets as far as the memory allows, a piece at a time.
    for _ in 0..100 {
        for (connection, sent) in &mut clients {
            let end = large.len().min(*sent + (100 << 10));
            *sent += push(connection, &mut supply, &large[*sent..end]);
        }
    }
    let all_sent = clients.iter().all(|(_, sent)| *sent == large.len());
    assert!(all_sent, "{:?}", clients.map(|(_, sent)| sent));
    assert_eq!(supply.held_bytes(), 0);
}

#[test]
fn one_large_request_comes_whole_however_little_memory_there_is() {
    let mut supply = BlockSupply::new(BlockPool::new(256 << 10, 4), 1);
    let mut connection = Connection::new(Instant::default());
    let large = frame(&vec![1; FRAME_BYTES_MAX]);
    assert_eq!(push(&mut connection, &mut supply, &large), large.len());
}

#[test]
fn a_connection_that_is_gone_holds_no_memory() {
    let mut supply = BlockSupply::new(BlockPool::new(256 << 10, 4), 1 << 20);
    let mut connection = Connection::new(Instant::default());
    let large = frame(&vec![1; FRAME_BYTES_MAX]);
    push(&mut connection, &mut supply, &large[..700_000]);
    assert!(supply.held_bytes() >= 700_000);
    connection.discard_received(&mut supply);
    assert_eq!(supply.held_bytes(), 0);
}
