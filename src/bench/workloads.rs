//! Named workloads: each is a command line of its own that anybody could have typed.

/// A workload.
#[derive(Clone, Copy, Debug)]
pub struct Workload {
    pub name: &'static str,
    /// What it is, and whose shape it has.
    pub about: &'static str,
    /// The words behind `forebay bench`.
    pub words: &'static str,
}

/// All workloads: Forebay's own, then those of others by their year.
pub const WORKLOADS: &[Workload] = &[
    Workload {
        name: "single-record",
        about: "one producer, one record of 100 bytes at a time: what a round trip costs",
        words: "produce --record-size 100 --partitions 1 --linger-ms 0 --batch-bytes 1 \
                --in-flight 1",
    },
    Workload {
        name: "large-batches",
        about: "two producers of 64 KiB batches of 1 KiB records to four partitions, unlimited",
        words: "produce --producers 2 --record-size 1KiB --batch-bytes 64KiB --in-flight 5",
    },
    Workload {
        name: "small-records",
        about: "two producers of 16 KiB batches of 100-byte records, as fast as they go",
        words: "produce --producers 2 --record-size 100 --batch-bytes 16KiB",
    },
    Workload {
        name: "keyed-200-producers",
        about: "200 producers of single keyed 100-byte records to 1,000 partitions",
        words: "produce --producers 200 --partitions 1000 --keys uniform --record-size 100 \
                --linger-ms 0 --batch-bytes 1 --in-flight 1",
    },
    Workload {
        name: "skewed-keys",
        about: "50,000 records/s of 100 bytes to 2 KiB whose keys are Zipf's, to 100 partitions",
        words: "produce --producers 10 --partitions 100 --keys zipf --record-size 100..2KiB \
                --throughput 50000",
    },
    Workload {
        name: "fan-out",
        about: "20 groups of one consumer, each reading the same 1 GB",
        words: "consume --groups 20 --fill 1GB",
    },
    Workload {
        name: "drain-beside-producers",
        about: "four consumers catch up with 4 GB while 20,000 records/s of 1 KiB come in",
        words: "drain --fill 4GB --consumers 4 --producers 4 --throughput 20000",
    },
    Workload {
        name: "linkedin-2014-one-producer",
        about: "LinkedIn 2014: one producer of 100-byte records, acks of the leader, 6 partitions",
        words: "produce --partitions 6 --record-size 100 --acks 1 --batch-bytes 8196",
    },
    Workload {
        name: "linkedin-2014-three-producers",
        about: "LinkedIn 2014: the same with three producers",
        words: "produce --producers 3 --partitions 6 --record-size 100 --acks 1 --batch-bytes 8196",
    },
    Workload {
        name: "linkedin-2014-three-consumers",
        about: "LinkedIn 2014: three consumers of 100-byte records in 6 partitions",
        words: "consume --partitions 6 --consumers 3 --record-size 100 --batch-bytes 8196",
    },
    Workload {
        name: "linkedin-2014-end-to-end",
        about: "LinkedIn 2014: one record of 100 bytes after the other, until it is consumed",
        words: "end-to-end --partitions 1 --record-size 100 --throughput 1000 --linger-ms 0",
    },
    Workload {
        name: "omb-1-topic-1-partition-100b",
        about: "OpenMessaging Benchmark: 50,000 records/s of 100 bytes, profile kafka-latency",
        words: "end-to-end --partitions 1 --record-size 100 --throughput 50000 --linger-ms 1 \
                --batch-bytes 128KiB",
    },
    Workload {
        name: "omb-1-topic-16-partitions-1kb",
        about: "OpenMessaging Benchmark: 50,000 records/s of 1 KiB to 16 partitions, the same",
        words: "end-to-end --partitions 16 --record-size 1KiB --throughput 50000 --linger-ms 1 \
                --batch-bytes 128KiB",
    },
    Workload {
        name: "omb-1-topic-100-partitions-1kb-4p-4c-200k",
        about: "OpenMessaging Benchmark: 200,000 records/s of 1 KiB, 4 producers, 4 consumers",
        words: "end-to-end --partitions 100 --record-size 1KiB --throughput 200000 --producers 4 \
                --consumers 4 --linger-ms 1 --batch-bytes 128KiB",
    },
    Workload {
        name: "omb-max-rate-1-topic-100-partitions-1kb",
        about: "OpenMessaging Benchmark: as fast as it goes with its profile for throughput",
        words: "mixed --partitions 100 --record-size 1KiB --producers 4 --consumers 4 \
                --linger-ms 1 --batch-bytes 1MiB",
    },
    Workload {
        name: "omb-100-topics-1-partition-1kb",
        about: "OpenMessaging Benchmark: 50,000 records/s of 1 KiB to 100 topics, 3 groups",
        words: "end-to-end --topics 100 --partitions 1 --record-size 1KiB --throughput 50000 \
                --groups 3 --linger-ms 1 --batch-bytes 128KiB",
    },
    Workload {
        name: "confluent-2020-throughput",
        about: "Confluent 2020: as fast as it goes, 100 partitions, 1 KiB, large batches",
        words: "mixed --partitions 100 --record-size 1KiB --producers 4 --consumers 4 \
                --linger-ms 10 --batch-bytes 1MiB",
    },
    Workload {
        name: "confluent-2020-latency",
        about: "Confluent 2020: 200 MB/s (200,000 records/s of 1 KiB), latency end to end",
        words: "end-to-end --partitions 100 --record-size 1KiB --throughput 200000 --producers 4 \
                --consumers 4 --linger-ms 1 --batch-bytes 128KiB",
    },
    Workload {
        name: "vanlightly-2023-4-producers",
        about: "Vanlightly 2023: 288 partitions, 4 producers, 500,000 records/s of 1 KiB",
        words: "end-to-end --partitions 288 --record-size 1KiB --throughput 500000 --producers 4 \
                --consumers 4 --linger-ms 1 --batch-bytes 128KiB",
    },
    Workload {
        name: "vanlightly-2023-50-producers",
        about: "Vanlightly 2023: the same load by 50 producers, which is what reversed the result",
        words: "end-to-end --partitions 288 --record-size 1KiB --throughput 500000 --producers 50 \
                --consumers 4 --linger-ms 1 --batch-bytes 128KiB",
    },
    Workload {
        name: "vanlightly-2023-keys",
        about: "Vanlightly 2023: 50 producers with keys, so that batches stay small",
        words: "end-to-end --partitions 288 --record-size 1KiB --throughput 500000 --producers 50 \
                --consumers 4 --keys uniform --linger-ms 1 --batch-bytes 128KiB",
    },
];

/// The workload of this name.
pub fn find(name: &str) -> Option<&'static Workload> {
    WORKLOADS.iter().find(|workload| workload.name == name)
}

/// The lines that tell of all of them.
pub fn listed() -> Vec<String> {
    let mut lines = Vec::new();
    for workload in WORKLOADS {
        lines.push(format!(
            "{}\n    {}\n    forebay bench {}",
            workload.name, workload.about, workload.words
        ));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::arguments::{BenchCommand, WorkloadWords};
    use clap::Parser;
    use std::collections::BTreeSet;

    #[test]
    fn every_workload_is_a_command_and_its_options_can_be_replaced() {
        for workload in WORKLOADS {
            let words = workload.words.split_whitespace();
            let more = [
                "--duration",
                "1s",
                "--partitions",
                "7",
                "--record-size",
                "50",
            ];
            let parsed = WorkloadWords::try_parse_from(words.chain(more));
            let parsed = parsed.unwrap_or_else(|error| panic!("{}: {error}", workload.name));
            let partitions = match parsed.command {
                BenchCommand::Produce(bench) => bench.topics.partitions,
                BenchCommand::Consume(bench) => bench.topics.partitions,
                BenchCommand::EndToEnd(bench) | BenchCommand::Mixed(bench) => {
                    bench.topics.partitions
                }
                BenchCommand::Drain(bench) => bench.both.topics.partitions,
                BenchCommand::Workload(_) => panic!("{} is a workload's", workload.name),
            };
            assert_eq!(partitions, 7, "{}", workload.name);
        }
    }

    #[test]
    fn every_workload_has_a_name_of_its_own() {
        let names: BTreeSet<&str> = WORKLOADS.iter().map(|workload| workload.name).collect();
        assert_eq!(names.len(), WORKLOADS.len());
        assert!(names.iter().all(|name| find(name).is_some()));
        assert!(find("no-such").is_none());
    }
}
