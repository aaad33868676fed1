//! `forebay cluster unregister`.

use clap::Args;
use serde_json::json;

use crate::admin::Failure;
use crate::admin::arguments::ConnectionArguments;
use crate::admin::layout::Layout;
use crate::admin::layout::reading::read_picture;
use crate::admin::output::Output;
use crate::admin::session::{Session, answer};
use crate::admin::table::counted;
use crate::client::error_of;
use crate::model::BrokerId;
use crate::protocol::messages::UnregisterBrokerRequest;

use super::known_broker;

/// Have the cluster forget a broker that is stopped and will not come back.
///
/// A broker that is alive, or that still holds replicas, is not unregistered: decommission and stop
/// it first. --force unregisters it all the same; partitions then name a broker that nobody knows
/// until they are reassigned.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  forebay cluster unregister 3")]
pub struct Unregister {
    /// The broker's id
    #[arg(value_name = "BROKER")]
    broker: BrokerId,

    /// Also if it is alive or holds replicas
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    pub connection: ConnectionArguments,
}

pub fn run(command: &Unregister, output: &mut Output) -> Result<(), Failure> {
    let broker = command.broker;
    let mut session = Session::open(&command.connection)?;
    let layout = read_picture(&mut session)?.layout;
    known_broker(&layout, broker)?;
    if !command.force {
        check_is_gone(&layout, broker)?;
    }
    unregister(&mut session, broker)?;
    if output.is_json() {
        return output.document(&json!({ "broker": broker, "unregistered": true }));
    }
    output.line(&format!("broker {broker} is unregistered"))
}

fn check_is_gone(layout: &Layout, broker: BrokerId) -> Result<(), Failure> {
    let reason = match layout.on(broker).count() {
        0 if layout.brokers[&broker].is_alive => "it is alive: stop it first".to_owned(),
        0 => return Ok(()),
        count => {
            let count = counted(count, "replica");
            format!("it holds {count}: `forebay cluster decommission {broker}` moves them")
        }
    };
    let text = format!("cannot unregister broker {broker}: {reason}");
    Err(Failure::Failed(text))
}

/// Asks the controller to forget the broker.
pub fn unregister(session: &mut Session, broker: BrokerId) -> Result<(), Failure> {
    let request = UnregisterBrokerRequest {
        broker_id: broker,
        ..UnregisterBrokerRequest::default()
    };
    let told = answer!(UnregisterBroker, session.ask_any(request)?);
    error_of(told.error_code).map_err(|error| {
        let action = format!("cannot unregister broker {broker}");
        Failure::refused(&action, error, told.error_message.as_deref())
    })
}
