use proptest::prelude::*;

use super::*;
use crate::config::AuthorizerConfig;
use crate::model::Uuid;

/// `deny|allow TYPE PATTERN NAME PRINCIPAL HOST OPERATION`.
fn acl(text: &str) -> Acl {
    let words: Vec<&str> = text.split(' ').collect();
    let [
        permission,
        resource_type,
        pattern,
        name,
        principal,
        host,
        operation,
    ] = words[..]
    else {
        panic!("{text} is not an entry");
    };
    Acl {
        resource_type: match resource_type {
            "topic" => ResourceType::Topic,
            "group" => ResourceType::Group,
            "cluster" => ResourceType::Cluster,
            other => panic!("{other} is no type"),
        },
        pattern_type: match pattern {
            "literal" => PatternType::Literal,
            "prefixed" => PatternType::Prefixed,
            other => panic!("{other} is no pattern"),
        },
        resource_name: name.to_owned(),
        principal: principal.to_owned(),
        host: host.to_owned(),
        operation: operation_called(operation),
        permission: match permission {
            "allow" => Permission::Allow,
            "deny" => Permission::Deny,
            other => panic!("{other} is no permission"),
        },
    }
}

fn operation_called(name: &str) -> Operation {
    (2..=15)
        .filter_map(Operation::from_code)
        .find(|operation| format!("{operation:?}") == name)
        .unwrap_or_else(|| panic!("{name} is no operation"))
}

fn set(acls: &[&str]) -> AclSet {
    let mut set = AclSet::default();
    for (number, text) in (1_u8..).zip(acls) {
        assert!(set.insert(id(number), acl(text)));
    }
    set
}

fn id(number: u8) -> Uuid {
    let mut bytes = [0; 16];
    bytes[15] = number;
    Uuid::from_bytes(bytes)
}

fn alice() -> Client {
    Client {
        principal: Principal::user("alice"),
        host: "10.0.0.1".to_owned(),
    }
}

fn authorizer(super_users: &[&str], allow_everyone_if_no_acl_found: bool) -> Authorizer {
    Authorizer::new(&AuthorizerConfig {
        super_users: super_users.iter().map(|user| (*user).to_owned()).collect(),
        allow_everyone_if_no_acl_found,
    })
}

/// Whether alice, who comes from 10.0.0.1, may do `operation` with the topic `name`.
fn decides(acls: &[&str], operation: &str, name: &str) -> bool {
    let (authorizer, acls, client) = (authorizer(&[], false), set(acls), alice());
    let access = Access::new(Some(&authorizer), &acls, &client);
    access.allows_topic(operation_called(operation), name)
}

/// What `ask` writes to the log, without the time.
fn told(ask: impl FnOnce()) -> Vec<String> {
    struct Lines(std::sync::mpsc::Sender<Vec<u8>>);
    impl std::io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.send(bytes.to_vec()).unwrap();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let (sender, lines) = std::sync::mpsc::channel();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .without_time()
        .with_target(false)
        .with_writer(move || Lines(sender.clone()))
        .finish();
    tracing::subscriber::with_default(subscriber, ask);
    let lines = lines
        .try_iter()
        .map(|line| String::from_utf8(line).unwrap());
    lines.map(|line| line.trim().to_owned()).collect()
}

#[test]
fn a_failed_attempt_is_told_louder_than_what_is_only_asked() {
    let (authorizer, client) = (authorizer(&[], false), alice());
    let acls = set(&["allow topic literal seen User:alice * Read"]);
    let access = Access::new(Some(&authorizer), &acls, &client);
    let line = |level, operation, name, told| {
        format!(
            "{level} {told} principal=User:alice host=\"10.0.0.1\" operation={operation} \
             resource_type=Topic name=\"{name}\""
        )
    };
    let attempts = told(|| {
        assert!(access.allows_topic(Operation::Read, "seen"));
        assert!(!access.allows_topic(Operation::Read, "hidden"));
    });
    let expected = [
        line("DEBUG", "Read", "seen", "allowed"),
        line("INFO", "Read", "hidden", "denied"),
    ];
    assert_eq!(attempts, expected);
    let filters = told(|| {
        assert!(access.would_allow(Operation::Read, ResourceType::Topic, "seen"));
        assert!(!access.would_allow(Operation::Read, ResourceType::Topic, "hidden"));
    });
    let expected = [
        line("DEBUG", "Read", "seen", "allowed"),
        line("TRACE", "Read", "hidden", "denied"),
    ];
    assert_eq!(filters, expected);
    let listed = told(|| _ = access.operations(ResourceType::Topic, "seen"));
    assert!(listed.contains(&line("TRACE", "Read", "seen", "allowed")));
    assert!(listed.contains(&line("TRACE", "Write", "seen", "denied")));
}

#[test]
fn everybody_may_do_everything_without_an_authorizer() {
    let (acls, client) = (set(&["deny topic literal * User:* * All"]), alice());
    let access = Access::new(None, &acls, &client);
    assert!(access.allows_topic(Operation::Write, "t"));
    assert!(access.allows_any(Operation::Write, ResourceType::Topic));
    let all = access.operations(ResourceType::Topic, "t");
    assert_eq!(
        all, 0b1101_1111_1000,
        "KIP-430's numbers of what a topic has"
    );
}

#[test]
fn what_no_entry_is_about_is_denied_unless_the_setting_says_otherwise() {
    let client = alice();
    for allows in [false, true] {
        let authorizer = authorizer(&[], allows);
        let acls = set(&["allow topic literal other User:alice * Read"]);
        let access = Access::new(Some(&authorizer), &acls, &client);
        assert_eq!(access.allows_topic(Operation::Read, "t"), allows);
        let acls = set(&["allow topic literal t User:bob * Write"]);
        let access = Access::new(Some(&authorizer), &acls, &client);
        assert!(
            !access.allows_topic(Operation::Read, "t"),
            "there is an entry about the topic, whoever it is for"
        );
    }
}

#[test]
fn a_super_user_is_denied_nothing() {
    let (acls, client) = (set(&["deny topic literal * User:* * All"]), alice());
    for (users, is_allowed) in [
        (["User:alice", "User:bob"], true),
        (["alice", "User:"], false),
    ] {
        let authorizer = authorizer(&users, false);
        let access = Access::new(Some(&authorizer), &acls, &client);
        assert_eq!(access.allows_topic(Operation::Delete, "t"), is_allowed);
    }
}

#[test]
fn an_entry_counts_for_its_principal_and_its_host() {
    for (principal_and_host, counts) in [
        ("User:alice 10.0.0.1", true),
        ("User:alice *", true),
        ("User:* *", true),
        ("User:* 10.0.0.1", true),
        ("User:alice 10.0.0.2", false),
        ("User:bob *", false),
        ("Group:alice *", false),
        ("alice *", false),
    ] {
        let entry = format!("allow topic literal t {principal_and_host} Read");
        assert_eq!(decides(&[&entry], "Read", "t"), counts, "{entry}");
    }
}

#[test]
fn an_entry_counts_for_the_names_that_its_pattern_stands_for() {
    for (pattern, name, counts) in [
        ("literal orders", "orders", true),
        ("literal orders", "orders.eu", false),
        ("literal *", "orders", true),
        ("prefixed orders", "orders", true),
        ("prefixed orders", "orders.eu", true),
        ("prefixed orders.", "orders", false),
        ("prefixed orders.us", "orders.eu", false),
        ("prefixed *", "orders", false),
        ("prefixed *", "*orders", true),
        ("prefixed ö", "öl", true),
        ("prefixed ö", "ä", false),
    ] {
        let entry = format!("allow topic {pattern} User:alice * Read");
        assert_eq!(decides(&[&entry], "Read", name), counts, "{entry}: {name}");
    }
}

#[test]
fn a_denial_wins_wherever_it_stands() {
    let allow = "allow topic literal orders User:alice * All";
    for deny in [
        "deny topic literal orders User:alice * Read",
        "deny topic literal orders User:* * All",
        "deny topic literal * User:alice * Read",
        "deny topic prefixed o User:alice 10.0.0.1 Read",
    ] {
        assert!(!decides(&[allow, deny], "Read", "orders"), "{deny}");
        assert!(!decides(&[deny, allow], "Read", "orders"), "{deny}");
    }
    let other = "deny topic literal orders User:alice * Write";
    assert!(decides(&[allow, other], "Read", "orders"));
}

#[test]
fn to_be_allowed_implies_to_see_and_to_be_denied_implies_nothing() {
    for (allowed, asked, counts) in [
        ("Read", "Describe", true),
        ("Write", "Describe", true),
        ("Delete", "Describe", true),
        ("Alter", "Describe", true),
        ("Describe", "Describe", true),
        ("Create", "Describe", false),
        ("AlterConfigs", "Describe", false),
        ("AlterConfigs", "DescribeConfigs", true),
        ("Alter", "DescribeConfigs", false),
        ("Describe", "Read", false),
        ("All", "Read", true),
        ("All", "DescribeConfigs", true),
    ] {
        let entry = format!("allow topic literal t User:alice * {allowed}");
        assert_eq!(decides(&[&entry], asked, "t"), counts, "{entry}: {asked}");
    }
    let acls = [
        "allow topic literal t User:alice * Describe",
        "deny topic literal t User:alice * Read",
    ];
    assert!(decides(&acls, "Describe", "t"));
}

#[test]
fn who_may_write_to_some_topic_is_known_without_its_name() {
    let cases: &[(&[&str], bool)] = &[
        (&[], false),
        (&["allow topic literal t User:alice * Write"], true),
        (&["allow topic prefixed t User:alice * All"], true),
        (&["allow topic literal t User:alice * Read"], false),
        (&["allow topic literal t User:bob * Write"], false),
        (&["allow topic literal t User:alice 10.0.0.2 Write"], false),
        (&["allow group literal t User:alice * Write"], false),
        (
            &[
                "allow topic literal t User:alice * Write",
                "deny topic literal * User:alice * Write",
            ],
            false,
        ),
        (
            &[
                "allow topic literal t User:alice * Write",
                "deny topic literal t User:alice * Write",
            ],
            false,
        ),
        (
            &[
                "allow topic literal orders User:alice * Write",
                "deny topic prefixed ord User:alice * Write",
            ],
            false,
        ),
        (
            &[
                "allow topic prefixed orders User:alice * Write",
                "deny topic literal orders User:alice * Write",
            ],
            true,
        ),
        (
            &[
                "allow topic literal * User:alice * Write",
                "deny topic prefixed t User:alice * Write",
            ],
            true,
        ),
    ];
    let (authorizer, client) = (authorizer(&[], false), alice());
    for (entries, is_allowed) in cases {
        let acls = set(entries);
        let access = Access::new(Some(&authorizer), &acls, &client);
        let found = access.allows_any(Operation::Write, ResourceType::Topic);
        assert_eq!(found, *is_allowed, "{entries:?}");
    }
}

#[test]
fn the_operations_that_a_client_is_told_are_those_that_it_may_do() {
    let acls = set(&[
        "allow cluster literal kafka-cluster User:alice * Create",
        "allow group literal g User:alice * Read",
    ]);
    let (authorizer, client) = (authorizer(&[], false), alice());
    let access = Access::new(Some(&authorizer), &acls, &client);
    let group = access.operations(ResourceType::Group, "g");
    assert_eq!(group, Operation::Read.bit() | Operation::Describe.bit());
    assert_eq!(access.cluster_operations(), 0, "it may not see the cluster");
}

#[test]
fn hosts_read_as_java_writes_them() {
    for (address, text) in [
        ("10.0.0.1", "10.0.0.1"),
        ("::1", "0:0:0:0:0:0:0:1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
    ] {
        assert_eq!(host_text(address.parse().expect("an address")), text);
    }
}

#[test]
fn a_filter_finds_what_it_names() {
    let about = |pattern_type: i8, name: Option<&str>, acl_text: &str| {
        let codes = FilterCodes {
            resource_type: 2,
            pattern_type,
            operation: 1,
            permission: 1,
        };
        AclFilter::new(codes, name, None, None).matches(&acl(acl_text))
    };
    let (any, matching, literal, prefixed, unknown) = (1, 2, 3, 4, 9);
    let of_orders = "allow topic literal orders User:a * Read";
    let of_all = "allow topic literal * User:a * Read";
    let of_prefix = "allow topic prefixed ord User:a * Read";
    for (pattern, name, found) in [
        (any, None, [true, true, true]),
        (any, Some("orders"), [true, false, false]),
        (any, Some("ord"), [false, false, true]),
        (matching, None, [true, true, true]),
        (matching, Some("orders"), [true, true, true]),
        (matching, Some("others"), [false, true, false]),
        (literal, None, [true, true, false]),
        (literal, Some("orders"), [true, false, false]),
        (prefixed, None, [false, false, true]),
        (prefixed, Some("orders"), [false, false, false]),
        (unknown, None, [false, false, false]),
    ] {
        let results = [of_orders, of_all, of_prefix].map(|entry| about(pattern, name, entry));
        assert_eq!(results, found, "{pattern} {name:?}");
    }
    assert!(!about(
        any,
        None,
        "allow group literal orders User:a * Read"
    ));
}

#[test]
fn an_entry_that_was_taken_out_is_gone_and_equal_sets_are_equal() {
    let entries = [
        "allow topic literal t User:alice * Read",
        "allow topic literal t User:bob * Read",
    ];
    let mut set = set(&entries);
    let copy = set.clone();
    assert!(set.contains(&acl(entries[1])));
    assert!(!set.insert(id(1), acl(entries[1])), "the id is taken");
    let removed = set.remove(id(2)).expect("it is there");
    assert_eq!(*removed, acl(entries[1]));
    assert!(!set.contains(&acl(entries[1])));
    assert_eq!(set.remove(id(2)), None);
    assert!(copy.contains(&acl(entries[1])), "a copy keeps what it had");
    let mut other = AclSet::default();
    other.insert(id(2), acl(entries[1]));
    other.insert(id(1), acl(entries[0]));
    assert_eq!(copy, other, "whatever the order");
    other.remove(id(1));
    other.remove(id(2));
    assert_eq!(other, AclSet::default());
    assert!(other.is_empty());
}

proptest! {
    #[test]
    fn the_index_finds_what_a_look_at_every_entry_finds(
        entries in prop::collection::vec((any::<bool>(), "[abé*]{0,4}"), 0..40),
        name in "[abé*]{0,5}",
    ) {
        let mut set = AclSet::default();
        let mut expected = Vec::new();
        for (number, (is_prefix, entry_name)) in (1_u8..).zip(&entries) {
            let mut entry = acl("allow topic literal t User:alice * Read");
            entry.principal = format!("User:{number}");
            entry.resource_name.clone_from(entry_name);
            let is_about = if *is_prefix {
                entry.pattern_type = PatternType::Prefixed;
                name.starts_with(entry_name)
            } else {
                *entry_name == name || entry_name == "*"
            };
            if is_about {
                expected.push(entry.clone());
            }
            set.insert(id(number), entry);
        }
        let mut found: Vec<Acl> = set.about(ResourceType::Topic, &name).cloned().collect();
        found.sort();
        expected.sort();
        prop_assert_eq!(found, expected);
    }
}
