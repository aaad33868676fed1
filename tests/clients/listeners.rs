//! Several named listeners, and connections that are silent.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::wire::Connection;
use crate::support::{Broker, Kind, free_port, needs};

fn port_in(answer: &Value) -> Option<u64> {
    answer["Brokers"][0]["Port"].as_u64()
}

#[test]
fn metadata_names_the_listener_it_was_asked_on() {
    let lab = needs!(Java);
    for kind in Kind::BOTH {
        let [first, second, controller] = [free_port(), free_port(), free_port()];
        let listeners = format!(
            "PLAINTEXT://127.0.0.1:{first},SECOND://127.0.0.1:{second},\
             CONTROLLER://127.0.0.1:{controller}"
        );
        let broker = Broker::start_on(
            &lab,
            kind,
            first,
            &[
                ("listeners", &listeners),
                ("advertised.listeners", &listeners),
                (
                    "controller.quorum.bootstrap.servers",
                    &format!("127.0.0.1:{controller}"),
                ),
                ("inter.broker.listener.name", "SECOND"),
            ],
        );
        let none = json!({ "Topics": [] });
        let key = json!({ "Key": "a-group", "KeyType": 0 });
        let mut ports = BTreeSet::new();
        for port in [first, second] {
            let mut client = Connection::open(&lab, port).expect("the listener accepts");
            let answer = client.ask("Metadata", 12, &none).expect("an answer");
            assert_eq!(port_in(&answer), Some(u64::from(port)), "{kind:?}");
            for _ in 0..100 {
                let answer = client.ask("FindCoordinator", 3, &key).expect("an answer");
                if answer["ErrorCode"] == 0 {
                    assert_eq!(answer["Port"].as_u64(), Some(u64::from(port)), "{kind:?}");
                    ports.insert(port);
                    break;
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        assert_eq!(ports.len(), 2, "{kind:?} has no coordinator");
        drop(broker);
    }
}

#[test]
fn an_idle_connection_is_closed_and_a_busy_one_is_not() {
    let lab = needs!(Java);
    for kind in Kind::BOTH {
        let broker = Broker::start(&lab, kind, &[("connections.max.idle.ms", "1500")]);
        let (mut idle, mut busy) = (broker.connect(), broker.connect());
        let none = json!({ "Topics": [] });
        for _ in 0..20 {
            busy.ask("Metadata", 12, &none)
                .expect("a busy connection lives");
            std::thread::sleep(Duration::from_millis(200));
        }
        assert!(idle.is_closed(), "{kind:?}");
    }
}
