//! Roles, and where the metadata quorum is.

use super::{start, started};

/// The settings of a broker without a controller, and `more`.
fn broker(more: &str) -> String {
    format!(
        "process.roles=broker\nnode.id=3\nlisteners=PLAINTEXT://kafka3:9092\n\
         controller.listener.names=CONTROLLER\nlog.dirs=/data\n{more}\n"
    )
}

#[test]
fn a_broker_finds_controllers_at_bootstrap_servers_then_at_the_voters() {
    let text = broker(
        "controller.quorum.bootstrap.servers=kafka1:9093,[::1]:9094\n\
         controller.quorum.voters=1@kafka2:9093",
    );
    let config = started(&text).config;
    assert!(config.roles.broker && !config.roles.controller);
    let asked = config.quorum.first_asked().map(ToString::to_string);
    let asked: Vec<String> = asked.collect();
    assert_eq!(asked, ["kafka1:9093", "[::1]:9094", "kafka2:9093"]);
    assert_eq!(config.quorum.voters[0].id, 1);
}

#[test]
fn a_controller_has_listeners_of_controllers_only() {
    let text = "process.roles=controller\nlisteners=CONTROLLER://kafka1:9093\n\
                controller.listener.names=CONTROLLER";
    let config = started(text).config;
    assert!(!config.roles.broker && config.roles.controller);
    assert!(
        config
            .listeners
            .iter()
            .all(|listener| listener.is_controller)
    );
}

#[test]
fn a_broker_joins_a_quorum_that_others_may_lead() {
    let joins = |text: &str| started(text).config.is_broker_that_joins();
    let both = "process.roles=broker,controller\nlisteners=PLAINTEXT://:9092,CONTROLLER://:9093\n\
                controller.listener.names=CONTROLLER\nnode.id=1\ncontroller.quorum.voters=";
    assert!(joins(&format!("{both}1@kafka1:9093,2@kafka2:9093")));
    assert!(!joins(&format!("{both}1@kafka1:9093")));
    let asks = |servers: &str| {
        let text = both.replace("quorum.voters=", "quorum.bootstrap.servers=");
        let at = text.replace("CONTROLLER://:9093", "CONTROLLER://kafka1:9093");
        joins(&format!("{at}{servers}"))
    };
    assert!(asks("kafka1:9093,kafka2:9093"));
    assert!(asks("kafka2:9093"));
    assert!(asks("localhost:9094"));
    assert!(!asks("kafka1:9093"));
    assert!(!asks("localhost:9093"));
    assert!(!joins("controller.quorum.bootstrap.servers=localhost:9093"));
    assert!(!joins("log.dirs=/data"));
    assert!(joins(&broker("controller.quorum.voters=1@kafka1:9093")));
    let controller = "process.roles=controller\nlisteners=CONTROLLER://kafka1:9093\n\
                      controller.listener.names=CONTROLLER";
    assert!(!joins(controller));
}

#[test]
fn a_process_that_names_no_role_has_both() {
    let config = started("log.dirs=/data").config;
    assert!(config.roles.broker && config.roles.controller);
}

#[test]
fn roles_and_voters_that_do_not_fit_are_refused() {
    let voters = "controller.quorum.voters";
    let servers = "controller.quorum.bootstrap.servers";
    for (text, setting, reason) in [
        (broker(""), servers, "has to know where the controllers"),
        (
            broker("controller.quorum.voters=3@kafka3:9093"),
            voters,
            "node 3 votes",
        ),
        (
            broker("controller.quorum.voters=kafka1:9093"),
            voters,
            "not of the form ID@HOST:PORT",
        ),
        (
            broker("controller.quorum.bootstrap.servers=kafka1"),
            servers,
            "not of the form HOST:PORT",
        ),
        (
            broker(
                "process.roles=broker,controller\n\
                 controller.quorum.voters=4@kafka4:9093,5@kafka5:9093",
            ),
            voters,
            "this node, 3, is not among the voters",
        ),
        (
            broker("process.roles=broker,controller\ncontroller.quorum.voters=4@kafka4:9093"),
            voters,
            "4@kafka4:9093 is not this node, 3",
        ),
        (
            "process.roles=broker,controller\nnode.id=3\ncontroller.listener.names=CONTROLLER\n\
             listeners=PLAINTEXT://kafka2:9092,CONTROLLER://kafka2:9093\n\
             controller.quorum.voters=1@kafka1:9093,2@kafka2:9093"
                .to_owned(),
            voters,
            "2@kafka2:9093 is not this node, 3",
        ),
        (
            broker("controller.quorum.voters=1@kafka1:9093,2@kafka2:9093,1@kafka4:9093"),
            voters,
            "node 1 is named twice",
        ),
        (
            broker("controller.quorum.voters=1@kafka1:9093,2@kafka1:9093"),
            voters,
            "nodes 1 and 2 cannot both be at kafka1:9093",
        ),
        (
            "process.roles=controller\nnode.id=3\nlisteners=CONTROLLER://:9093\n\
             controller.quorum.voters=1@kafka1:9093,2@kafka2:9093"
                .to_owned(),
            voters,
            "this node, 3, is not among the voters",
        ),
    ] {
        let errors = start(&text).expect_err("these do not fit");
        let is_named = |error: &String| error.contains(setting) && error.contains(reason);
        assert!(errors.iter().any(is_named), "{errors:?} without {reason}");
    }
}
