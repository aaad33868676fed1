//! The generated code of the wire codec is what the schema tables say.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

#[path = "protocol/generator/mod.rs"]
mod generator;
#[path = "protocol/schema.rs"]
mod schema;

const TABLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/protocol/schema");
const GENERATED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/protocol/generated");

#[test]
fn generated_code_is_what_the_schema_tables_say() {
    let wanted = generator::generate(&schema::read_tables(Path::new(TABLES)));
    if std::env::var_os("UPDATE").is_some() {
        for name in read_generated().keys() {
            fs::remove_file(Path::new(GENERATED).join(name)).unwrap();
        }
        for (name, text) in &wanted {
            fs::write(Path::new(GENERATED).join(name), text).unwrap();
        }
    }
    let found = read_generated();
    let files = wanted.keys().chain(found.keys());
    let different: BTreeSet<_> = files
        .filter(|name| wanted.get(*name) != found.get(*name))
        .collect();
    assert!(
        different.is_empty(),
        "differ from the tables (UPDATE=1 rewrites them): {different:?}"
    );
}

fn read_generated() -> BTreeMap<String, String> {
    let entries = fs::read_dir(GENERATED).expect("the generated code is there");
    let files = entries.map(|entry| {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, fs::read_to_string(path).unwrap())
    });
    files.collect()
}
