//! Apache Kafka's own classes as the judge of every message, through one small Java program.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::support::{Program, not_run};
use crate::{Example, examples, reference, tables};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/protocol/java");

#[test]
fn kafkas_classes_read_the_same_values_and_write_the_same_bytes() {
    const NAME: &str = "protocol::kafkas_classes_read_the_same_values_and_write_the_same_bytes";
    let messages = tables();
    let examples = examples(&messages);
    let questions = examples.iter().map(|example| {
        let (name, version) = (&example.message.name, example.version);
        format!("{name} {version} {}", to_hex(&example.bytes))
    });
    let Some(answers) = ask_java(NAME, questions.collect()) else {
        return;
    };
    let pairs = examples.iter().zip(&answers);
    let differences = pairs.filter_map(|(example, answer)| {
        let reason = compare(example, answer).err()?;
        let (name, version) = (&example.message.name, example.version);
        Some(format!("{name} version {version}: {reason}"))
    });
    assert_same(differences.collect());
}

#[test]
fn fields_have_the_defaults_of_kafkas_classes() {
    const NAME: &str = "protocol::fields_have_the_defaults_of_kafkas_classes";
    let messages = tables();
    let structs = messages.iter().flat_map(|message| {
        let structs = message.structs.iter();
        structs.map(move |one| (message, one))
    });
    let structs: Vec<_> = structs.collect();
    let questions = structs.iter();
    let questions =
        questions.map(|(message, one)| format!("{} default {}", message.name, one.name));
    let Some(answers) = ask_java(NAME, questions.collect()) else {
        return;
    };
    let pairs = structs.iter().zip(&answers);
    let differences = pairs.filter_map(|((message, one), answer)| {
        // The class keeps a field of a version that is gone; the table does not.
        let answer = match message.name.as_str() {
            "ShareFetchRequest" => &answer.replace("partitionMaxBytes=0, ", ""),
            _ => answer,
        };
        let found = &answer[answer.find('(').unwrap_or(0)..];
        let wanted = reference::default_text(message, one);
        let place = format!("{} in {}", one.name, message.name);
        (found != wanted).then(|| format!("{place}: printed\n  {answer}\nnot\n  {wanted}"))
    });
    assert_same(differences.collect());
}

fn assert_same(differences: Vec<String>) {
    let count = differences.len();
    let shown = differences.into_iter().take(20).collect::<Vec<_>>();
    assert!(count == 0, "{count} differences:\n{}", shown.join("\n"));
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

/// The program's answers, one for each question; `None` if it cannot run.
fn ask_java(test: &str, questions: Vec<String>) -> Option<Vec<String>> {
    let jars = match jars() {
        Ok(jars) => jars,
        Err(reason) => {
            not_run(test, reason);
            return None;
        }
    };
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let name = test.replace("::", ".");
    let [asked, answered] = ["asked", "answered"].map(|end| folder.join(format!("{name}.{end}")));
    fs::write(&asked, questions.join("\n")).unwrap();
    let program = Program::new("java", 300);
    let program = program.args(["-Xmx512m", "-XX:+UseSerialGC", "-cp"]);
    let program = program.args([
        &format!("{}/*", jars.display()),
        &format!("{FOLDER}/Recode.java"),
    ]);
    let paths = [&asked, &answered].map(|path| path.display().to_string());
    program.args(paths).run().succeeded();
    let answers = fs::read_to_string(answered).unwrap();
    let answers: Vec<_> = answers.lines().map(str::to_owned).collect();
    assert_eq!(
        answers.len(),
        questions.len(),
        "one answer to each question"
    );
    Some(answers)
}

fn jars() -> Result<&'static Path, &'static str> {
    static JARS: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let jars = JARS.get_or_init(prepare_jars).as_ref();
    jars.map(PathBuf::as_path).map_err(String::as_str)
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
