//! Levels of features: `kafka-features` typed against both kinds of controllers, word for word.

use std::thread;
use std::time::{Duration, Instant};

use crate::controllers::leader;
use crate::support::{Broker, Kind, Output, assert_equal, needs};
use crate::{LIMIT, await_states};

const FEATURES: &str = "org.apache.kafka.tools.FeatureCommand";
const CONFIGS: &str = "kafka.admin.ConfigCommand";
const ELIGIBLE: &str = "eligible.leader.replicas.version";
const MIN_ISR: &str = "min.insync.replicas";

/// All that a person reads, of an error without the places in the tool's code.
fn said(broker: &Broker, args: &[&str], output: &Output) -> String {
    let is_read = |line: &&str| !line.is_empty() && !line.starts_with('\t');
    let errors = output.stderr.lines().filter(is_read);
    let lines = output.stdout.lines().chain(errors);
    let lines: String = lines.map(|line| format!("{}\n", line.trim_end())).collect();
    let lines = lines.replace(&broker.bootstrap(), "SERVER");
    format!("$ {}\n{lines}exit {:?}\n", args.join(" "), output.status)
}

/// What `describe` tells of the features that both have: their levels, without the epoch and the
/// oldest `metadata.version`, which is another one.
fn described(broker: &Broker) -> String {
    let output = broker.tool(FEATURES, &["describe"]).run().succeeded();
    let both = ["metadata.version", "kraft.version", ELIGIBLE];
    let lines = output.stdout.lines().filter_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let name = both.iter().find(|name| words.get(1) == Some(*name))?;
        let levels = if *name == "metadata.version" { 4 } else { 2 };
        Some(format!("{name} {}\n", words[levels..8].join(" ")))
    });
    lines.collect()
}

fn session(broker: &Broker) -> String {
    let features = |args: &[&str]| {
        let output = broker.tool(FEATURES, args).run();
        said(broker, args, &output)
    };
    let configs = |args: &[&str]| {
        let output = broker.tool(CONFIGS, args).run();
        said(broker, args, &output)
    };
    let to = |level: i16| format!("{ELIGIBLE}={level}");
    let (zero, one, two) = (to(0), to(1), to(2));
    let set = format!("{MIN_ISR}=1");
    let node = ["--entity-type", "brokers", "--entity-name", "1", "--alter"];
    let all = ["--entity-type", "brokers", "--entity-default"];
    let of_node = |more: &[&'static str]| [&node[..], more].concat();
    let of_all = |more: &[&'static str]| [&all[..], more].concat();
    [
        described(broker),
        configs(&[&node[..], &["--add-config", &set]].concat()),
        features(&["upgrade", "--feature", &one, "--feature", "no.such=1"]),
        features(&["upgrade", "--feature", "no.such=1"]),
        features(&["upgrade", "--feature", &two]),
        features(&["downgrade", "--feature", &one]),
        features(&["upgrade", "--dry-run", "--feature", &one]),
        described(broker),
        features(&["upgrade", "--feature", &one]),
        described(broker),
        configs(&of_all(&["--describe"])),
        configs(&of_node(&["--delete-config", MIN_ISR])),
        configs(&of_all(&["--alter", "--delete-config", MIN_ISR])),
        configs(&[&all[..], &["--alter", "--add-config", &set]].concat()),
        features(&["upgrade", "--feature", &zero]),
        features(&["downgrade", "--metadata", "4.2-IV1"]),
        features(&["downgrade", "--unsafe", "--metadata", "4.2-IV1"]),
        features(&["downgrade", "--dry-run", "--feature", &zero]),
        features(&["downgrade", "--feature", &zero]),
        features(&["upgrade", "--feature", &one]),
        features(&["disable", "--feature", ELIGIBLE]),
        features(&["disable", "--feature", "metadata.version", "--dry-run"])
            .replace("versions 17-30", "versions 7-30"),
        described(broker),
    ]
    .concat()
}

#[test]
fn kafka_features_describes_upgrades_downgrades_and_disables_the_same() {
    let lab = needs!(Java);
    let kafka = Broker::start_for_forebay(&lab, &[]);
    let forebay = Broker::start(&lab, Kind::Forebay, &[]);
    let [kafka, forebay] = [&kafka, &forebay].map(session);
    println!("{kafka}");
    assert_equal(&kafka, &forebay);
}

/// Changes the level of a feature, as soon as all controllers have told at which levels they work.
#[track_caller]
fn change(asked: &Broker, command: &str, level: &str) {
    let wish = format!("{ELIGIBLE}={level}");
    let started = Instant::now();
    loop {
        let output = asked.tool(FEATURES, &[command, "--feature", &wish]).run();
        if output.status == Some(0) {
            return;
        }
        assert!(started.elapsed() < LIMIT, "{wish}: {output:?}");
        thread::sleep(Duration::from_millis(500));
    }
}

#[test]
fn levels_change_in_a_cluster_of_several_controllers_whichever_node_is_asked() {
    let lab = needs!(Java);
    let nodes = Broker::three_combined(&lab, [Kind::Forebay; 3], &[]);
    await_states(&nodes[0], &["1", "2", "3"].map(|id| (id, "unfenced")));
    change(&nodes[1], "upgrade", "1");
    change(&nodes[2], "downgrade", "0");
    change(&nodes[0], "upgrade", "1");
    let finalized = format!("{ELIGIBLE} SupportedMinVersion: 0 SupportedMaxVersion: 1 ");
    let finalized = finalized + "FinalizedVersionLevel: 1";
    for node in &nodes {
        let told = described(node);
        assert!(told.contains(&finalized), "{told}");
    }
}

#[test]
fn levels_change_whichever_kind_leads_beside_controllers_of_the_other() {
    let lab = needs!(Java);
    let kinds = [Kind::Forebay, Kind::Forebay, Kind::Kafka];
    let mut nodes = Broker::three_combined(&lab, kinds, &[]);
    let all = ["1", "2", "3"].map(|id| (id, "unfenced"));
    await_states(&nodes[0], &all);
    let mut have_led = [false; 2];
    for round in 0..12 {
        let leads = leader(&nodes) - 1;
        let (command, level) = [("upgrade", "1"), ("downgrade", "0")][round % 2];
        change(&nodes[(leads + 1) % 3], command, level);
        have_led[usize::from(nodes[leads].kind == Kind::Kafka)] = true;
        if have_led == [true; 2] {
            return;
        }
        nodes[leads].stop();
        nodes[leads].resume();
        await_states(&nodes[leads], &all);
    }
    panic!("only one kind has led");
}

#[test]
fn a_cluster_begins_with_the_levels_that_it_is_formatted_with() {
    let lab = needs!(Java);
    let [forebay, kafka] = [Kind::Forebay, Kind::Kafka].map(|kind| {
        let mut nodes = Broker::unformatted_combined(&lab, &[kind]);
        let eligible = format!("{ELIGIBLE}=1");
        let levels = ["--release-version", "4.2", "--feature", &eligible];
        nodes[0].format_quorum(&[&["--standalone"], &levels[..]].concat());
        nodes[0].resume();
        let defaults = ["--describe", "--entity-type", "brokers", "--entity-default"];
        let configs = nodes[0].tool(CONFIGS, &defaults).run().succeeded().stdout;
        format!("{}{configs}", described(&nodes[0]))
    });
    assert!(kafka.contains("4.2-IV1"), "{kafka}");
    assert_equal(&kafka, &forebay);
}
