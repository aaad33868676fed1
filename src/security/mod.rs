//! Who may do what.
//!
//! Owns: the operations that exist for each kind of resource, in the form that answers carry.
//! Promises: without an authorizer everybody may do everything, as in Apache Kafka.
//! Knows nothing of: connections, requests.

/// A set of operations, one bit for each operation's number (KIP-430).
pub type AuthorizedOperations = i32;

/// The place of the set in answers to clients that did not ask for it.
pub const NOT_ASKED: AuthorizedOperations = i32::MIN;

const READ: i32 = 1 << 3;
const WRITE: i32 = 1 << 4;
const CREATE: i32 = 1 << 5;
const DELETE: i32 = 1 << 6;
const ALTER: i32 = 1 << 7;
const DESCRIBE: i32 = 1 << 8;
const CLUSTER_ACTION: i32 = 1 << 9;
const DESCRIBE_CONFIGS: i32 = 1 << 10;
const ALTER_CONFIGS: i32 = 1 << 11;
const IDEMPOTENT_WRITE: i32 = 1 << 12;

/// Every operation on a topic.
pub const TOPIC_OPERATIONS: AuthorizedOperations =
    READ | WRITE | CREATE | DELETE | ALTER | DESCRIBE | DESCRIBE_CONFIGS | ALTER_CONFIGS;

/// Every operation on the cluster.
pub const CLUSTER_OPERATIONS: AuthorizedOperations = CREATE
    | ALTER
    | DESCRIBE
    | CLUSTER_ACTION
    | DESCRIBE_CONFIGS
    | ALTER_CONFIGS
    | IDEMPOTENT_WRITE;

/// Every operation on a group.
pub const GROUP_OPERATIONS: AuthorizedOperations =
    READ | DELETE | DESCRIBE | DESCRIBE_CONFIGS | ALTER_CONFIGS;
