//! A server that takes produce requests and does nothing with them: what the client and the network
//! on this machine can do at most.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::thread;

use bytes::Bytes;
use forebay::protocol::messages::{ProduceResponse, produce_response};
use forebay::protocol::{ApiKey, Message, Writer, encode_response_header};

use crate::load::PRODUCE_VERSION;
use crate::load::server::{Server, free_address, make_empty};

/// Room for several requests.
const BUFFER_BYTES: usize = 256 << 10;

/// This program as such a server.
pub fn start(folder: &Path) -> Server {
    let folder = folder.join("sink");
    make_empty(&folder);
    let address = free_address();
    let mut command = Command::new(std::env::current_exe().expect("a program has a path"));
    let process = command.args(["sink", &address.to_string()]).spawn();
    let process = process.expect("this program starts");
    let mut server = Server::await_answer(process, folder, address);
    server.has_topics = false;
    server
}

pub fn serve(address: &str) {
    let listener = TcpListener::bind(address).expect("the address is free");
    let answer = answer();
    for stream in listener.incoming() {
        let (stream, answer) = (stream.expect("a client comes"), answer.clone());
        thread::spawn(move || answer_all(stream, &answer));
    }
}

/// Answer every request of a connection until its client goes.
fn answer_all(mut stream: TcpStream, answer: &Bytes) {
    stream.set_nodelay(true).expect("a TCP socket");
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let mut prefix = [0; 4];
        if stream.read_exact(&mut prefix).is_err() {
            return;
        }
        let mut rest = u32::from_be_bytes(prefix) as usize;
        while rest > 0 {
            let length = rest.min(buffer.len());
            match stream.read(&mut buffer[..length]) {
                Ok(length) if length > 0 => rest -= length,
                _ => return,
            }
        }
        if stream.write_all(answer).is_err() {
            return;
        }
    }
}

fn answer() -> Bytes {
    let response = ProduceResponse {
        responses: vec![produce_response::TopicProduceResponse {
            partition_responses: vec![produce_response::PartitionProduceResponse::default()],
            ..Default::default()
        }],
        ..Default::default()
    };
    let mut writer = Writer::new();
    writer.start_frame();
    encode_response_header(&mut writer, ApiKey::Produce, PRODUCE_VERSION, 0).expect("a version");
    let encoded = response.encode(&mut writer, PRODUCE_VERSION);
    encoded.expect("a good answer");
    writer.finish_frame().expect("a short answer");
    writer.into_bytes()
}
