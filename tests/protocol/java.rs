//! Apache Kafka's own classes as the judge of every message, through one small Java program.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{Program, not_run};
use crate::{Example, examples, reference, tables};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/protocol/java");

#[test]
fn kafkas_classes_read_the_same_values_and_write_the_same_bytes() {
    const NAME: &str = "protocol::kafkas_classes_read_the_same_values_and_write_the_same_bytes";
    let jars = match prepare_jars() {
        Ok(jars) => jars,
        Err(reason) => return not_run(NAME, &reason),
    };
    let messages = tables();
    let examples = examples(&messages);
    let answers = ask_java(&jars, &examples);
    let mut differences = Vec::new();
    for (example, answer) in examples.iter().zip(answers.lines()) {
        if let Err(reason) = compare(example, answer) {
            let Example {
                message, version, ..
            } = example;
            differences.push(format!("{} version {version}: {reason}", message.name));
        }
    }
    assert_eq!(
        examples.len(),
        answers.lines().count(),
        "an answer for each example"
    );
    let shown = differences
        .iter()
        .take(20)
        .cloned()
        .collect::<Vec<_>>()
        .join("\n");
    assert!(
        differences.is_empty(),
        "{} differences:\n{shown}",
        differences.len()
    );
}

fn compare(example: &Example<'_>, answer: &str) -> Result<(), String> {
    let mut words = answer.splitn(3, ' ');
    let (Some("0"), Some(hex), Some(json)) = (words.next(), words.next(), words.next()) else {
        return Err(answer.to_owned());
    };
    let wanted = to_hex(&example.bytes);
    if hex != wanted {
        return Err(format!("wrote\n  {hex}\nnot\n  {wanted}"));
    }
    let found: serde_json::Value = serde_json::from_str(json).expect("the program prints JSON");
    let wanted = reference::json(example.message, example.version, &example.value);
    if found != wanted {
        return Err(format!("read\n  {found}\nnot\n  {wanted}"));
    }
    Ok(())
}

fn ask_java(jars: &Path, examples: &[Example<'_>]) -> String {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (questions, answers) = (folder.join("recode.in"), folder.join("recode.out"));
    let mut lines = String::new();
    for example in examples {
        let (name, version) = (&example.message.name, example.version);
        writeln!(lines, "{name} {version} {}", to_hex(&example.bytes)).unwrap();
    }
    fs::write(&questions, lines).unwrap();
    let program = Program::new("java", 300);
    let program = program.args(["-Xmx512m", "-XX:+UseSerialGC", "-cp"]);
    let program = program.args([
        &format!("{}/*", jars.display()),
        &format!("{FOLDER}/Recode.java"),
    ]);
    let paths = [questions, answers.clone()].map(|path| path.display().to_string());
    program.args(paths).run().succeeded();
    fs::read_to_string(answers).unwrap()
}

/// The folder with the jars, filled by Maven if it is not there yet; or what is missing.
fn prepare_jars() -> Result<PathBuf, String> {
    let lab = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("lab");
    let jars = lab.join("message-jars");
    if Program::new("java", 60).args(["-version"]).run().status != Some(0) {
        return Err("java is missing".to_owned());
    }
    if jars.exists() {
        return Ok(jars);
    }
    let unfinished = lab.join("message-jars-unfinished");
    drop(fs::remove_dir_all(&unfinished));
    let output = format!("-DoutputDirectory={}", unfinished.display());
    let pom = format!("{FOLDER}/pom.xml");
    let mvn = Program::new("mvn", 900);
    let mvn = mvn.args([
        "-q",
        "-B",
        "-f",
        &pom,
        "dependency:copy-dependencies",
        &output,
    ]);
    if mvn.run().status != Some(0) {
        return Err("mvn is missing, or did not get Kafka's jars".to_owned());
    }
    // Gathered beside its place and renamed: what has its final name is complete.
    fs::rename(&unfinished, &jars).map_err(|error| error.to_string())?;
    Ok(jars)
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes everything");
        text
    })
}
