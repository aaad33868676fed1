//! What someone does first: the client's own article, pasted and run, on a topic nobody created.

use crate::support::{Broker, Lab, needs, on_both};

/// Ten messages to a topic that does not exist, read by `group1`; ten more, and the group goes on
/// where it stopped.
fn ten_and_ten(broker: &Broker, produce: &dyn Fn(), consume: &dyn Fn(u32) -> String) -> String {
    produce();
    let first = consume(10);
    produce();
    let second = consume(20);
    let read = first.lines().count() + second.lines().count();
    assert_eq!(
        read, 20,
        "{:?}: first\n{first}\nthen\n{second}",
        broker.kind
    );
    first + &second
}

fn with_kafka_python(lab: &Lab, broker: &Broker) -> String {
    let run = |args: &[&str]| lab.python("clients/kafka_python.py", 90).args(args).run();
    let server = broker.bootstrap();
    ten_and_ten(
        broker,
        &|| drop(run(&["produce", &server, "kafka-python"]).succeeded()),
        &|count| {
            let count = count.to_string();
            run(&["consume", &server, "kafka-python", &count])
                .succeeded()
                .stdout
        },
    )
}

#[test]
fn a_kafka_python_group_reads_what_its_producer_sent_to_a_new_topic() {
    let lab = needs!(Python, Java);
    on_both(&lab, |broker| with_kafka_python(&lab, broker));
}

fn with_confluent(lab: &Lab, broker: &Broker, topic: &str, settings: &[&str]) -> String {
    let run = |args: &[&str]| lab.python("clients/confluent.py", 90).args(args).run();
    let server = broker.bootstrap();
    let mut produce = vec!["produce", &server, topic];
    produce.extend(settings);
    ten_and_ten(broker, &|| drop(run(&produce).succeeded()), &|count| {
        let count = count.to_string();
        run(&["consume", &server, topic, &count]).succeeded().stdout
    })
}

#[test]
fn a_confluent_group_reads_what_its_producer_sent_to_a_new_topic() {
    let lab = needs!(Python, Java);
    on_both(&lab, |broker| {
        with_confluent(&lab, broker, "confluent", &[])
    });
}

#[test]
fn a_confluent_group_reads_what_an_idempotent_producer_sent_to_a_new_topic() {
    let lab = needs!(Python, Java);
    let settings = ["enable.idempotence=true"];
    on_both(&lab, |broker| {
        with_confluent(&lab, broker, "idempotent", &settings)
    });
}

#[test]
fn a_java_group_reads_what_a_string_producer_sent_to_a_new_topic() {
    let lab = needs!(Java);
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/Strings.java");
    on_both(&lab, |broker| {
        let run = |args: &[&str]| lab.java(source, 90).args(args).run();
        let server = broker.bootstrap();
        ten_and_ten(
            broker,
            &|| drop(run(&["produce", &server, "strings"]).succeeded()),
            &|count| {
                run(&["consume", &server, "strings", &count.to_string()])
                    .succeeded()
                    .stdout
            },
        )
    });
}

#[test]
fn kcat_reads_what_kcat_sent_to_a_new_topic() {
    let lab = needs!(Kcat, Java);
    on_both(&lab, |broker| {
        let server = broker.bootstrap();
        let lines: String = (0..10)
            .map(|number| format!("{number}:message {number}\n"))
            .collect();
        let run = |args: &[&str]| lab.kcat(90).args(["-b", &server]).args(args);
        run(&["-P", "-t", "kcat", "-K:"])
            .input(&lines)
            .run()
            .succeeded();
        let format = "%p %o %k %s\n";
        run(&["-C", "-t", "kcat", "-o", "beginning", "-e", "-f", format])
            .run()
            .succeeded()
            .stdout
    });
}

#[test]
fn a_kcat_group_shares_a_topic_with_nobody_and_goes_on_where_it_stopped() {
    let lab = needs!(Kcat, Java);
    on_both(&lab, |broker| {
        let server = broker.bootstrap();
        let produce = || {
            let kcat = lab.kcat(90).args(["-b", &server, "-P", "-t", "kcat-group"]);
            drop(kcat.input("one\ntwo\nthree\n").run().succeeded());
        };
        let consume = || {
            let from_start = ["-X", "auto.offset.reset=earliest", "-c", "3"];
            let kcat = lab
                .kcat(90)
                .args(["-b", &server, "-f", "%p %o %s\n"])
                .args(from_start);
            kcat.args(["-G", "kcat-readers", "kcat-group"])
                .run()
                .succeeded()
                .stdout
        };
        produce();
        let first = consume();
        produce();
        let read = first + &consume();
        assert_eq!(
            read,
            "0 0 one\n0 1 two\n0 2 three\n0 3 one\n0 4 two\n0 5 three\n"
        );
        read
    });
}
