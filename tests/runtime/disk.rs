//! The storage contract on a real disk: what a core asks for happens, and ends exactly once.

use std::fs;
use std::path::Path;
use std::process::Command;

use bytes::Bytes;
use forebay::config::SyncMethod;
use forebay::log::storage::{
    DirectoryIndex, Durability, FileId, StorageOutcome, StoragePath, StorageRequest, StorageResult,
};

use crate::disk_core::DiskBroker;

const BLOCK: u64 = 4096;

#[test]
fn a_file_is_made_filled_read_back_and_cut() {
    let mut disk = DiskBroker::start();
    let results = disk.run(vec![
        open(1, "topic-0.log", true),
        StorageRequest::Allocate {
            file: FileId(1),
            length: 1 << 20,
        },
        write(1, BLOCK, pattern(10_001), Durability::Synced),
    ]);
    assert!(matches!(
        results[0],
        Ok(StorageOutcome::Opened { length: 0 })
    ));
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    let path = disk.folder().join("topic-0.log");
    assert_eq!(fs::metadata(&path).unwrap().len(), 1 << 20);

    let read = disk.read(1, 0, 4 * BLOCK);
    let mut expected = vec![0; 4096];
    expected.extend_from_slice(&pattern(10_001));
    expected.resize(4 * 4096, 0);
    assert!(
        read == expected,
        "the write stands at its position, padded with zeros"
    );

    let truncate = StorageRequest::Truncate {
        file: FileId(1),
        length: 4096 + 10_001,
    };
    disk.run(vec![truncate]).pop().unwrap().unwrap();
    assert_eq!(fs::metadata(&path).unwrap().len(), 4096 + 10_001);
    // The file ends inside the third block from the read's start.
    assert_eq!(disk.read(1, 2 * BLOCK, 4 * BLOCK).len(), 10_001 - 4096);
    assert!(disk.read(1, 16 * BLOCK, BLOCK).is_empty());

    let seal = StorageRequest::Seal {
        file: FileId(1),
        length: 5000,
        beside: vec![(
            StoragePath::new(DirectoryIndex(0), "topic-0.index"),
            Bytes::from_static(b"index"),
        )],
    };
    let sync_all = StorageRequest::SyncAll {
        directory: DirectoryIndex(0),
    };
    disk.run(vec![seal]).pop().unwrap().unwrap();
    disk.run(vec![sync_all]).pop().unwrap().unwrap();
    assert_eq!(fs::metadata(&path).unwrap().len(), 5000);
    let index = fs::read(disk.folder().join("topic-0.index"));
    assert_eq!(index.unwrap(), b"index");
    disk.run(vec![close(1)]).pop().unwrap().unwrap();
    disk.stop();
}

#[test]
fn a_large_write_is_split_and_every_durability_lands_where_it_should() {
    for method in SyncMethod::ALL {
        assert_lands(DiskBroker::start_with(method));
    }
}

#[track_caller]
fn assert_lands(mut disk: DiskBroker) {
    let bytes = pattern(9 * (1 << 20) + 77);
    for (file, durability) in [(1, Durability::Synced), (2, Durability::Later)] {
        let name = format!("large-{file}");
        let results = disk.run(vec![
            open(file, &name, true),
            StorageRequest::Write {
                file: FileId(file),
                position: 0,
                // Cut so that pieces of the write begin and end inside slices.
                slices: bytes.chunks(333_333).map(Bytes::copy_from_slice).collect(),
                durability,
            },
        ]);
        assert!(results.iter().all(Result::is_ok), "{results:?}");
        disk.run(vec![StorageRequest::Sync { file: FileId(file) }])
            .pop()
            .unwrap()
            .unwrap();
        let mut expected = bytes.clone();
        expected.resize(bytes.len().next_multiple_of(4096), 0);
        let on_disk = fs::read(disk.folder().join(&name)).unwrap();
        assert!(on_disk == expected, "{durability:?}");
        assert!(disk.read(file, 0, 10 << 20) == expected, "{durability:?}");
    }
    disk.stop();
}

#[test]
fn more_writes_than_there_is_memory_for_all_end_once_and_a_close_waits_for_them() {
    let mut disk = DiskBroker::start();
    let mut requests = vec![open(1, "many", true), open(2, "others", true)];
    for at in 0..100 {
        let file = 1 + at % 2;
        let position = at / 2 * (1 << 20);
        requests.push(write(
            file,
            position,
            vec![at as u8; 1 << 20],
            Durability::Later,
        ));
    }
    requests.extend([close(1), close(2)]);
    let (results, order) = disk.run_ordered(requests);
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    let place = |request: usize| order.iter().position(|at| *at == request).unwrap();
    let writes_of_1 = (2..102).step_by(2);
    assert!(
        writes_of_1.into_iter().all(|at| place(at) < place(102)),
        "{order:?}"
    );
    let on_disk = fs::read(disk.folder().join("others")).unwrap();
    assert!(
        on_disk
            .chunks(1 << 20)
            .enumerate()
            .all(|(at, piece)| { piece.iter().all(|byte| usize::from(*byte) == 2 * at + 1) })
    );
    disk.stop();
}

#[test]
fn what_waits_on_a_file_that_cannot_be_opened_fails_with_its_reason() {
    let mut disk = DiskBroker::start();
    let results = disk.run(vec![
        open(1, "absent/file", false),
        write(1, 0, vec![1], Durability::Synced),
        StorageRequest::Sync { file: FileId(1) },
        close(1),
    ]);
    for result in &results[..3] {
        let failure = result.as_ref().unwrap_err();
        assert_eq!((failure.errno, failure.operation), (libc::ENOENT, "open"));
        assert_eq!(&*failure.path.relative, "absent/file");
    }
    assert!(results[3].is_ok(), "an unopened file closes");
    disk.stop();
}

#[test]
fn small_files_and_folders_do_what_their_names_say() {
    let mut disk = DiskBroker::start();
    let results = disk.run(vec![
        StorageRequest::ReadFile { path: path("meta") },
        StorageRequest::List {
            path: path("nowhere"),
        },
        StorageRequest::CreateFolder {
            path: path("topic-0"),
        },
    ]);
    assert!(matches!(results[0], Ok(StorageOutcome::Missing)));
    assert!(matches!(results[1], Ok(StorageOutcome::Missing)));
    // At once and on one name: the last one asked for stays.
    let replaced = disk.run(
        (0..10)
            .map(|at| StorageRequest::ReplaceFile {
                path: path("meta"),
                contents: Bytes::from(format!("version {at}")),
            })
            .chain([StorageRequest::CreateFolder {
                path: path("topic-0"),
            }])
            .collect(),
    );
    assert!(replaced.iter().all(Result::is_ok), "{replaced:?}");
    let read = disk.run(vec![StorageRequest::ReadFile { path: path("meta") }]);
    assert!(matches!(&read[0], Ok(StorageOutcome::Data(data)) if data == "version 9"));

    disk.run(vec![
        open(1, "topic-0/0.log", true),
        open(2, "topic-0/0.index", true),
    ]);
    // The second time as after a sync that failed.
    for _ in 0..2 {
        let renamed = disk.run(vec![StorageRequest::Rename {
            from: path("topic-0"),
            to: path("topic-0-delete"),
        }]);
        assert!(renamed[0].is_ok(), "{renamed:?}");
    }
    let written = disk.run(vec![write(1, 0, vec![5; 10], Durability::Later)]);
    assert!(
        written[0].is_ok(),
        "an open file stays open under its new name: {written:?}"
    );
    let listed = disk.run(vec![StorageRequest::List {
        path: path("topic-0-delete"),
    }]);
    let Ok(StorageOutcome::Entries(entries)) = &listed[0] else {
        panic!("{listed:?}");
    };
    let names: Vec<_> = entries
        .iter()
        .map(|entry| (&*entry.name, entry.length))
        .collect();
    assert_eq!(names, [("0.index", 0), ("0.log", 4096)]);
    assert!(
        entries
            .iter()
            .all(|entry| !entry.is_folder && entry.modified_ms > 0)
    );
    for _ in 0..2 {
        let removed = disk.run(vec![StorageRequest::Remove {
            path: path("topic-0-delete"),
        }]);
        assert!(removed[0].is_ok(), "also when it is gone: {removed:?}");
    }
    assert!(!disk.folder().join("topic-0-delete").exists());
    disk.stop();
}

#[test]
fn a_full_disk_and_a_read_only_one_are_told_with_the_kernels_reason() {
    let mut disk = DiskBroker::start();
    let folder = disk.folder().join("small");
    let Some(small) = SmallDisk::mount(&folder) else {
        println!(
            "not run: a_full_disk_and_a_read_only_one_are_told_with_the_kernels_reason \
             needs root, mkfs.ext4 and loop devices"
        );
        return disk.stop();
    };
    let results = disk.run(vec![
        open(1, "small/log", true),
        StorageRequest::Allocate {
            file: FileId(1),
            length: 64 << 20,
        },
        open(2, "small/other", true),
        write(2, 0, vec![1; 32 << 20], Durability::Synced),
        StorageRequest::ReplaceFile {
            path: path("small/meta"),
            contents: vec![0; 32 << 20].into(),
        },
    ]);
    for (at, operation) in [(1, "allocate"), (3, "write"), (4, "replace")] {
        let failure = results[at].as_ref().unwrap_err();
        assert_eq!(
            (failure.errno, failure.operation),
            (libc::ENOSPC, operation)
        );
    }
    disk.run(vec![close(1), close(2)]);
    small.make_read_only();
    let results = disk.run(vec![
        open(3, "small/new", true),
        StorageRequest::CreateFolder {
            path: path("small/folder"),
        },
        StorageRequest::Remove {
            path: path("small/log"),
        },
    ]);
    for result in &results {
        assert_eq!(result.as_ref().unwrap_err().errno, libc::EROFS);
    }
    disk.stop();
}

/// An ext4 of 16 MiB in a file, mounted until dropped.
struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    fn mount(at: &'a Path) -> Option<Self> {
        let image = at.with_extension("image");
        fs::create_dir(at).unwrap();
        fs::File::create(&image).unwrap().set_len(16 << 20).unwrap();
        let succeeds = |program: &str, arguments: &[&str]| {
            let run = Command::new(program).args(arguments).arg(&image).output();
            run.is_ok_and(|output| output.status.success())
        };
        if !succeeds("mkfs.ext4", &["-q"]) {
            return None;
        }
        let mounted = Command::new("mount")
            .args(["-o", "loop"])
            .arg(&image)
            .arg(at)
            .output();
        mounted
            .is_ok_and(|output| output.status.success())
            .then_some(Self(at))
    }

    fn make_read_only(&self) {
        let arguments = ["-o", "remount,ro"];
        let status = Command::new("mount").args(arguments).arg(self.0).status();
        assert!(status.unwrap().success());
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        Command::new("umount")
            .arg("-l")
            .arg(self.0)
            .status()
            .unwrap();
    }
}

fn path(relative: &str) -> StoragePath {
    StoragePath::new(DirectoryIndex(0), relative)
}

fn open(file: u64, relative: &str, create: bool) -> StorageRequest {
    StorageRequest::Open {
        file: FileId(file),
        path: path(relative),
        create,
    }
}

fn write(file: u64, position: u64, bytes: Vec<u8>, durability: Durability) -> StorageRequest {
    StorageRequest::Write {
        file: FileId(file),
        position,
        slices: vec![Bytes::from(bytes)],
        durability,
    }
}

fn close(file: u64) -> StorageRequest {
    StorageRequest::Close { file: FileId(file) }
}

/// Bytes of which no two neighbouring blocks are alike.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at % 241 + at / 4096) as u8).collect()
}

trait ReadBack {
    fn read(&mut self, file: u64, position: u64, length: u64) -> Vec<u8>;
}

impl ReadBack for DiskBroker {
    fn read(&mut self, file: u64, position: u64, length: u64) -> Vec<u8> {
        let request = StorageRequest::Read {
            file: FileId(file),
            position,
            length,
        };
        let result: StorageResult = self.run(vec![request]).pop().unwrap();
        match result {
            Ok(StorageOutcome::Data(bytes)) => bytes.to_vec(),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn many_short_calls_of_one_turn_each_bring_their_own_result() {
    let mut disk = DiskBroker::start();
    let names: Vec<String> = (0..200).map(|number| format!("small-{number}")).collect();
    let files = names.iter().map(|name| StorageRequest::ReplaceFile {
        path: path(name),
        contents: Bytes::copy_from_slice(name.as_bytes()),
    });
    let replaced = disk.run(files.collect());
    assert!(replaced.iter().all(Result::is_ok), "{replaced:?}");
    let mut requests = Vec::new();
    for (number, name) in names.iter().enumerate() {
        let name = if number % 10 == 0 { "missing" } else { name };
        requests.push(StorageRequest::ReadFile { path: path(name) });
        requests.push(open(number as u64, name, false));
    }
    let results = disk.run(requests);
    for (number, pair) in results.chunks(2).enumerate() {
        match pair {
            [Ok(StorageOutcome::Missing), Err(_)] if number % 10 == 0 => {}
            [
                Ok(StorageOutcome::Data(data)),
                Ok(StorageOutcome::Opened { length }),
            ] => {
                assert_eq!(*data, names[number]);
                assert_eq!(*length, names[number].len() as u64);
            }
            other => panic!("{other:?}"),
        }
    }
    disk.stop();
}
