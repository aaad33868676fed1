//! A real corpus in and out, with each compression, byte for byte.

use std::io::Write;

use crate::support::{Broker, Kind, needs, shared};

/// How much of the machine's own files goes through for each compression.
const MEGABYTES: &str = "200";

fn moves(broker: &Broker, lab: &crate::support::Lab, compression: &str, way: &str) {
    let args = [&broker.bootstrap(), compression, MEGABYTES, way];
    let output = lab
        .python("load/corpus.py", 600)
        .args(args)
        .run()
        .succeeded();
    // The figures are for who reads the log; no test depends on them.
    std::io::stderr()
        .write_all(output.stdout.as_bytes())
        .expect("stderr takes a line");
}

macro_rules! corpus {
    ($($name:ident: $compression:literal $way:literal;)*) => {$(
        #[test]
        fn $name() {
            let lab = needs!(Python);
            moves(shared(&lab, Kind::Forebay), &lab, $compression, $way);
        }
    )*};
}

corpus! {
    an_uncompressed_corpus_survives_a_member_that_leaves: "none" "close";
    a_gzip_corpus_survives_a_member_that_leaves: "gzip" "close";
    a_snappy_corpus_survives_a_member_that_is_killed: "snappy" "kill";
    an_lz4_corpus_survives_a_member_that_leaves: "lz4" "close";
    a_zstd_corpus_survives_a_member_that_is_killed: "zstd" "kill";
}
