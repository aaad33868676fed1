//! The handler as one would write it straight down on glommio: a task reads a connection, a task
//! writes each batch, a task answers in order.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, IntoRawFd};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::mpsc;

use bytes::Bytes;
use forebay::stdx::buffer::BlockPool;
use futures_io::{AsyncRead, AsyncWrite};
use glommio::channels::local_channel::{self, LocalReceiver};
use glommio::io::{DmaFile, OpenOptions};
use glommio::net::{TcpListener, TcpStream};
use glommio::{LocalExecutorBuilder, Placement, PoolPlacement, Task};

use crate::work::{Asked, FILE_BYTES, Incoming, Options, Work, receive_pool};

struct Shard {
    work: RefCell<Work>,
    file: DmaFile,
    pool: BlockPool,
}

/// An answer, to be sent once its batch is written.
type Answer = (Option<Task<()>>, Vec<Bytes>);

pub fn serve(options: &Options) {
    let (ready, addresses) = mpsc::channel();
    let threads: Vec<_> = (0..options.shards)
        .map(|shard| {
            let path = options.folder.join(format!("straight-{shard}"));
            let (synced, ready) = (options.synced, ready.clone());
            let run = move || async move {
                let file = open(&path, synced).await.expect("the file opens");
                let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
                let address = listener.local_addr().expect("it is bound");
                ready.send(address).expect("the main thread waits");
                let shard = Rc::new(Shard {
                    work: RefCell::default(),
                    file,
                    pool: receive_pool(),
                });
                loop {
                    let stream = listener.accept().await.expect("a client");
                    glommio::spawn_local(receive(stream, Rc::clone(&shard))).detach();
                }
            };
            LocalExecutorBuilder::new(Placement::Fixed(usize::from(shard)))
                .ring_depth(1024)
                .io_memory(8 << 20)
                .blocking_thread_pool_placement(PoolPlacement::Unbound(2))
                .spawn(run)
                .expect("a ring can be made")
        })
        .collect();
    let addresses: Vec<_> = addresses.iter().take(threads.len()).collect();
    println!("ready {addresses:?}");
    // The shards run until the process is killed.
    loop {
        std::thread::park();
    }
}

async fn open(path: &std::path::Path, synced: bool) -> glommio::Result<DmaFile, ()> {
    // Not for reading: glommio then finds that it cannot poll the device, as the runtime has it
    // find, and does not spin while a write is under way.
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .custom_flags(if synced { libc::O_DSYNC } else { 0 })
        .dma_open(path)
        .await?;
    file.pre_allocate(FILE_BYTES, false).await?;
    Ok(file)
}

async fn receive(mut stream: TcpStream, shard: Rc<Shard>) {
    stream.set_nodelay(true).expect("a TCP socket");
    let (answers, to_send) = local_channel::new_unbounded();
    glommio::spawn_local(answer(duplicate(&stream), to_send)).detach();
    let mut incoming = Incoming::new(&shard.pool);
    loop {
        let read = poll_fn(|cx| Pin::new(&mut stream).poll_read(cx, incoming.room())).await;
        match read {
            Ok(length) if length > 0 => incoming.advance(length),
            _ => return,
        }
        while let Some(frame) = incoming.next_frame() {
            let asked = shard.work.borrow_mut().on_request(frame);
            let answer: Answer = match asked {
                Asked::Answer(answer) => (None, answer),
                Asked::Write {
                    position,
                    slices,
                    answer,
                } => {
                    let write = write(Rc::clone(&shard), position, slices);
                    (Some(glommio::spawn_local(write)), answer)
                }
            };
            if answers.try_send(answer).is_err() {
                return;
            }
        }
    }
}

async fn write(shard: Rc<Shard>, position: u64, slices: Vec<Bytes>) {
    let length: usize = slices.iter().map(Bytes::len).sum();
    let padded = length.next_multiple_of(4096);
    let mut buffer = shard.file.alloc_dma_buffer(padded);
    let mut at = 0;
    for slice in &slices {
        buffer.as_bytes_mut()[at..at + slice.len()].copy_from_slice(slice);
        at += slice.len();
    }
    buffer.as_bytes_mut()[at..].fill(0);
    let written = shard
        .file
        .write_at(buffer, position)
        .await
        .expect("it is written");
    assert_eq!(written, padded);
}

async fn answer(mut stream: TcpStream, to_send: LocalReceiver<Answer>) {
    while let Some((write, slices)) = to_send.recv().await {
        if let Some(write) = write {
            write.await;
        }
        for slice in slices {
            let mut sent = 0;
            while sent < slice.len() {
                let send = poll_fn(|cx| Pin::new(&mut stream).poll_write(cx, &slice[sent..]));
                match send.await {
                    Ok(length) => sent += length,
                    Err(_) => return,
                }
            }
        }
    }
}

/// A second handle on the socket, for the task that answers.
#[expect(
    unsafe_code,
    reason = "glommio offers no other way to share a socket between tasks"
)]
fn duplicate(stream: &TcpStream) -> TcpStream {
    // SAFETY: the stream is open, and its descriptor is only borrowed for the copy.
    let descriptor = unsafe { BorrowedFd::borrow_raw(stream.as_raw_fd()) };
    let copy: io::Result<_> = descriptor.try_clone_to_owned();
    // SAFETY: the copy is ours, and the new stream owns it.
    unsafe { TcpStream::from_raw_fd(copy.expect("a descriptor is free").into_raw_fd()) }
}
