//! Cordoned log directories (KIP-1066): what both kinds do with the same settings.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Broker, Kind, Output, assert_equal, needs};
use crate::{LIMIT, read_lines};

const CONFIGS: &str = "kafka.admin.ConfigCommand";
const TOPICS: &str = "org.apache.kafka.tools.TopicCommand";
const REASSIGN: &str = "org.apache.kafka.tools.reassign.ReassignPartitionsCommand";
const FEATURES: &str = "org.apache.kafka.tools.FeatureCommand";

/// A node with two log directories.
struct Node {
    broker: Broker,
    directories: [PathBuf; 2],
}

impl Node {
    fn start(lab: &crate::support::Lab, kind: Kind) -> Self {
        let base = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("cordoned-{kind:?}"));
        drop(std::fs::remove_dir_all(&base));
        let directories = ["a", "b"].map(|name| base.join(name));
        let named = directories.iter().map(|one| one.display().to_string());
        let named = named.collect::<Vec<_>>().join(",");
        let settings = [("log.dirs", named.as_str())];
        let broker = match kind {
            Kind::Kafka => Broker::start_for_forebay(lab, &settings),
            Kind::Forebay => Broker::start(lab, kind, &settings),
        };
        Self {
            broker,
            directories,
        }
    }

    /// All that a person reads, without what differs from node to node.
    fn said(&self, args: &[&str], output: &Output) -> String {
        let lines = read_lines(output, |line| {
            // Why a value is refused each kind says in its own words.
            match line.find("InvalidRequestException") {
                Some(place) => line[..place].to_owned(),
                None => line.to_owned(),
            }
        });
        let text = format!("$ {}\n{lines}exit {:?}\n", args.join(" "), output.status);
        self.without_names(&text)
    }

    fn without_names(&self, text: &str) -> String {
        let [a, b] = self
            .directories
            .each_ref()
            .map(|one| one.display().to_string());
        let text = text.replace(&a, "/a").replace(&b, "/b");
        text.replace(&self.broker.bootstrap(), "SERVER")
    }

    fn tool(&self, class: &str, args: &[&str]) -> String {
        let output = self.broker.tool(class, args).run();
        self.said(args, &output)
    }

    /// Set, or with `None` remove, which directories of the broker are cordoned.
    fn cordon(&self, entity: &[&str], value: Option<&str>) -> String {
        let [a, b] = self
            .directories
            .each_ref()
            .map(|one| one.display().to_string());
        let set;
        let change: &[&str] = match value {
            None => &["--delete-config", "cordoned.log.dirs"],
            Some(value) => {
                let value = value.replace("/a", &a).replace("/b", &b);
                set = format!("cordoned.log.dirs=[{value}]");
                &["--add-config", &set]
            }
        };
        let args = [&["--entity-type", "brokers"], entity, &["--alter"], change].concat();
        self.tool(CONFIGS, &args)
    }

    /// Each directory: whether it is cordoned, and whether one of the `count` partitions of `topic`
    /// is in it, once all are there.
    fn described(&self, topic: &str, count: usize) -> String {
        let started = Instant::now();
        loop {
            let mut connection = self.broker.connect();
            let answer = connection
                .ask("DescribeLogDirs", 5, &json!({ "Topics": null }))
                .expect("an answer");
            let results = answer["Results"].as_array().expect("a list").iter();
            let (mut lines, mut found_count) = (Vec::new(), 0);
            for one in results {
                let topics = one["Topics"].as_array().expect("a list").iter();
                let found = topics.filter(|found| found["Name"] == topic);
                let found = found.flat_map(|found| found["Partitions"].as_array());
                let here = found.flatten().count();
                found_count += here;
                let (path, cordoned) = (&one["LogDir"], &one["IsCordoned"]);
                lines.push(format!("{path} {cordoned} {}\n", here > 0));
            }
            if found_count == count {
                lines.sort();
                return self.without_names(&lines.concat());
            }
            assert!(started.elapsed() < LIMIT, "{answer}");
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// Move the first partition of `topic` to a directory, or name the broker alone.
    fn reassign(&self, topic: &str, directory: Option<usize>) -> String {
        let place = directory.map_or("any".to_owned(), |index| {
            self.directories[index].display().to_string()
        });
        let json = json!({ "version": 1, "partitions": [
            { "topic": topic, "partition": 0, "replicas": [1], "log_dirs": [place] },
        ]});
        let file = self.directories[0].with_extension("json");
        std::fs::write(&file, Value::to_string(&json)).expect("target/ can be written");
        let name = file.display().to_string();
        let args = ["--reassignment-json-file", &name, "--execute"];
        let output = self.broker.tool(REASSIGN, &args).run();
        let text = self.said(&["reassign"], &output);
        text.replace(&name, "FILE")
    }
}

fn session(node: &Node) -> String {
    let one: &[&str] = &["--entity-name", "1"];
    let create = |topic: &str, more: &[&str]| {
        node.tool(TOPICS, &[&["--create", "--topic", topic], more].concat())
    };
    [
        node.described("t", 0),
        create("t", &["--partitions", "4"]),
        node.described("t", 4),
        node.cordon(one, Some("/a")),
        node.described("t", 4),
        create("u", &["--partitions", "4"]),
        node.described("u", 4),
        node.cordon(one, Some("/nowhere")),
        node.cordon(one, Some("*,/a")),
        node.cordon(&["--entity-default"], Some("*")),
        node.cordon(one, Some("*")),
        node.described("u", 4),
        create("none", &[]),
        create("chosen", &["--replica-assignment", "1"]),
        node.tool(TOPICS, &["--alter", "--topic", "t", "--partitions", "5"]),
        node.reassign("u", None),
        node.reassign("u", Some(0)),
        node.reassign("u", Some(1)),
        node.cordon(one, None),
        node.described("u", 4),
        create("some", &[]),
        node.tool(FEATURES, &["upgrade", "--metadata", "4.3-IV0"]),
    ]
    .concat()
}

#[test]
fn cordoned_directories_get_nothing_that_is_not_sent_to_them() {
    let lab = needs!(Java);
    let [kafka, forebay] = Kind::BOTH.map(|kind| session(&Node::start(&lab, kind)));
    println!("{kafka}");
    assert_equal(&kafka, &forebay);
}
