//! A wire client that takes Kafka's own message definitions at run time, independent of the
//! library under test, so that it can judge it and can say what no honest client would.
//!
//! A request is JSON with Kafka's field names; what is left out has its default. Odd values:
//! `{"$hex": "00ff"}` puts raw bytes in the place of any field, `{"$length": N}` an array length
//! without its elements, `{"$batch": …}` a record batch made as [`batch`] says.

pub mod batch;
mod codec;
mod connection;
mod schema;

pub use codec::{decode, encode, hex_bytes, uuid_text};
pub use connection::{Connection, frame};
pub use schema::{Message, Schema};
