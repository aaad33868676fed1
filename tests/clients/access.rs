//! Access control as its users see it: `kafka-acls`, and clients that are let in or turned away.

use crate::support::{Broker, Kind, Lab, Output, assert_equal, needs};
use crate::transcript::Transcript;

const ACLS: &str = "AclCommand";
const TOPICS: &str = "TopicCommand";
const GROUPS: &str = "consumer.group.ConsumerGroupCommand";
const PRODUCER: &str = "ConsoleProducer";
const CONSUMER: &str = "consumer.ConsoleConsumer";

const AUTHORIZER: (&str, &str) = (
    "authorizer.class.name",
    "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
);

/// Runs `kafka-acls`. It prints sets, in any order: each entry stands behind its resource, sorted.
/// What a change prints of the entries afterwards is left out: a broker may not know them yet.
fn acls(session: &mut Transcript<'_>, args: &str) {
    let args: Vec<&str> = args.split_whitespace().collect();
    let mut output = session.tool(ACLS, &args).run();
    output.stdout = sorted_entries(&output.stdout, args.contains(&"--list"));
    session.note(&args.join(" "), &output, |line| Some(line.to_owned()));
}

fn sorted_entries(text: &str, is_list: bool) -> String {
    let (mut lines, mut resource) = (Vec::new(), "");
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        if line.starts_with("Current ACLs") && !is_list {
            break;
        }
        if line.trim_start().starts_with('(') {
            lines.push(format!("{resource} {}", line.trim()));
        } else if line.contains("ResourcePattern(") {
            resource = line.trim();
        } else {
            lines.push(line.trim().to_owned());
        }
    }
    lines.sort();
    lines.join("\n")
}

#[test]
fn kafka_acls_adds_lists_and_removes_the_same() {
    let lab = needs!(Java);
    let [kafka, forebay] = Kind::BOTH.map(|kind| {
        let settings = [AUTHORIZER, ("super.users", "User:admin;User:ANONYMOUS")];
        let broker = Broker::start(&lab, kind, &settings);
        let mut session = Transcript::new(&broker);
        for args in [
            "--list",
            "--add --allow-principal User:alice --operation Read --operation Write --topic orders",
            "--add --deny-principal User:bob --deny-host 10.0.0.1 --topic orders",
            "--add --allow-principal User:alice --producer --topic clicks --transactional-id t",
            "--add --allow-principal User:carol --producer --topic clicks --idempotent",
            "--add --allow-principal User:alice --consumer --topic clicks --group readers",
            "--add --allow-principal User:* --operation Describe --topic ord --topic cl \
             --resource-pattern-type prefixed",
            "--add --allow-principal User:carol --operation Create --cluster",
            "--add --allow-principal User:carol --operation CreateTokens --user-principal User:a",
            "--add --allow-principal User:carol --operation IdempotentWrite --topic orders",
            "--add --allow-principal carol --operation Read --topic orders",
            "--list",
            "--list --topic orders",
            "--list --topic orders --resource-pattern-type match",
            "--list --topic ord --resource-pattern-type prefixed",
            "--list --principal User:carol",
            "--remove --force --topic orders --allow-principal User:alice --operation Write",
            "--remove --force --consumer --topic clicks --group readers \
             --allow-principal User:alice",
            "--remove --force --topic cl --resource-pattern-type prefixed",
            "--list",
        ] {
            acls(&mut session, args);
        }
        session.finish()
    });
    println!("{kafka}");
    assert_equal(&kafka, &forebay);
}

/// Produces a line to `topic` with the console producer.
fn produce(session: &mut Transcript<'_>, topic: &str) {
    let args = ["--topic", topic, "--sync"];
    let output = session.tool(PRODUCER, &args).input("a line\n").run();
    session.note(&format!("produce to {topic}"), &output, |_| None);
}

/// Reads a line of `topic` with the console consumer in a group.
fn consume(session: &mut Transcript<'_>, topic: &str, group: &str) {
    let args = ["--topic", topic, "--group", group, "--from-beginning"];
    let limits = ["--max-messages", "1", "--timeout-ms", "20000"];
    session.run(CONSUMER, &[&args[..], &limits].concat());
}

/// Runs a Python client against the broker and notes what it was refused with, or what it printed.
fn python(session: &mut Transcript<'_>, lab: &Lab, server: &str, command: &str) {
    let mut words = command.split_whitespace();
    let script = words.next().expect("the script stands first");
    let action = words.next().expect("then what it does");
    let args = [action, server].into_iter().chain(words);
    let Output { stderr, stdout, .. } = lab
        .python(&format!("clients/{script}.py"), 60)
        .args(args)
        .run();
    let is_refused = |text: &&str| stderr.contains(*text);
    let refusals = [
        "Topic authorization failed",
        "Group authorization failed",
        "GroupAuthorizationFailedError",
    ];
    let told = refusals.into_iter().find(is_refused);
    session.say(&format!("$ {command}\n{}", told.unwrap_or(&stdout)));
}

/// What somebody may not do who has a few permissions.
fn use_as_stranger(session: &mut Transcript<'_>, lab: &Lab, server: &str) {
    consume(session, "orders", "readers");
    consume(session, "orders", "others");
    consume(session, "secret", "readers");
    produce(session, "inbox");
    produce(session, "orders");
    produce(session, "secret");
    session
        .run(TOPICS, &["--list"])
        .run(TOPICS, &["--describe", "--topic", "secret"])
        .run(TOPICS, &["--create", "--topic", "inside"])
        .run(TOPICS, &["--create", "--topic", "elsewhere"])
        .run(TOPICS, &["--delete", "--topic", "orders"])
        .run(GROUPS, &["--list"])
        .run(GROUPS, &["--delete", "--group", "readers"]);
    acls(session, "--list");
    for command in [
        "confluent produce inbox",
        "confluent produce secret",
        "confluent consume secret 1",
        "kafka_python produce inbox",
        "kafka_python consume inbox 1",
    ] {
        python(session, lab, server, command);
    }
}

#[test]
fn clients_may_do_what_the_entries_say_after_a_restart() {
    let lab = needs!(Java, Python);
    let [kafka, forebay] = Kind::BOTH.map(|kind| {
        let settings = [AUTHORIZER, ("super.users", "User:ANONYMOUS")];
        let mut broker = Broker::start(&lab, kind, &settings);
        let mut session = Transcript::new(&broker);
        for topic in ["orders", "secret"] {
            session.run(TOPICS, &["--create", "--topic", topic]);
            produce(&mut session, topic);
        }
        // The offsets topic is there before nobody may make topics.
        consume(&mut session, "orders", "first");
        for args in [
            // What Apache Kafka's broker needs of its own controller.
            "--add --allow-principal User:ANONYMOUS --operation ClusterAction --cluster",
            "--add --allow-principal User:ANONYMOUS --consumer --topic orders --group readers",
            "--add --allow-principal User:ANONYMOUS --producer --topic in --topic orders \
             --resource-pattern-type prefixed",
            "--add --deny-principal User:ANONYMOUS --operation Write --topic orders",
        ] {
            acls(&mut session, args);
        }
        let before = session.finish();
        broker.restart_with(&[("super.users", "User:admin")]);
        let mut session = Transcript::new(&broker);
        use_as_stranger(&mut session, &lab, &broker.bootstrap());
        before + &session.finish()
    });
    println!("{kafka}");
    assert_equal(&kafka, &forebay);
    for told in [
        "error TopicAuthorizationException",
        "error GroupAuthorizationException",
        "error ClusterAuthorizationException",
        "Topic authorization failed",
        "Group authorization failed",
        "GroupAuthorizationFailedError",
    ] {
        assert!(kafka.contains(told), "nobody was told {told}");
    }
}
