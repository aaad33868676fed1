//! `forebay group describe`.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use clap::Args;
use serde_json::{Value, json};

use crate::admin::Failure;
use crate::admin::arguments::ConnectionArguments;
use crate::admin::output::Output;
use crate::admin::session::{Session, answer};
use crate::admin::table::{Table, counted};
use crate::client::error_of;
use crate::model::{BrokerId, ErrorCode, Offset, TopicPartition};
use crate::protocol::messages::{
    ConsumerGroupDescribeRequest, ConsumerProtocolAssignment, DescribeGroupsRequest,
};
use crate::protocol::{AnyRequest, AnyResponse, decode_versioned};

use super::offsets::{committed, ends};

/// The state that older brokers give a group that does not exist.
const STATE_DEAD: &str = "Dead";

/// Show a group's state and members, and for each partition what it has committed, where the
/// partition ends, and how many records lie between.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  forebay group describe billing
  forebay group describe billing --json | jq '[.[0].partitions[].lag] | add'")]
pub struct Describe {
    /// The groups
    #[arg(required = true)]
    names: Vec<String>,

    #[command(flatten)]
    pub connection: ConnectionArguments,
}

/// A group of either protocol.
#[derive(Debug)]
struct Group {
    name: String,
    state: String,
    kind: &'static str,
    assignor: String,
    coordinator: BrokerId,
    members: Vec<Member>,
}

#[derive(Debug)]
struct Member {
    id: String,
    instance: Option<String>,
    client: String,
    host: String,
    partitions: BTreeSet<TopicPartition>,
}

/// How far a group is in one partition.
#[derive(Debug)]
struct Place<'a> {
    partition: TopicPartition,
    committed: Option<Offset>,
    end: Option<Offset>,
    member: Option<&'a Member>,
}

impl Place<'_> {
    fn lag(&self) -> Option<Offset> {
        Some((self.end? - self.committed?).max(0))
    }
}

pub fn run(command: &Describe, output: &mut Output) -> Result<(), Failure> {
    let mut session = Session::open(&command.connection)?;
    let mut documents = Vec::new();
    for (index, name) in command.names.iter().enumerate() {
        let group = find(&mut session, name)?;
        let places = places_of(&mut session, &group)?;
        if output.is_json() {
            documents.push(document(&group, &places));
        } else {
            if index > 0 {
                output.line("")?;
            }
            tell(&group, &places, output)?;
        }
    }
    if output.is_json() {
        output.document(&Value::Array(documents))?;
    }
    Ok(())
}

fn find(session: &mut Session, name: &str) -> Result<Group, Failure> {
    let action = format!("cannot describe group {name:?}");
    let coordinator = session.coordinator(name)?;
    let request = DescribeGroupsRequest {
        groups: vec![name.to_owned()],
        ..DescribeGroupsRequest::default()
    };
    let described = session.ask_until_settled(Some(coordinator), request, error_in)?;
    let described = answer!(DescribeGroups, described);
    let Some(group) = described.groups.into_iter().next() else {
        return Err(Failure::Failed(
            "the broker answered for no group".to_owned(),
        ));
    };
    match error_of(group.error_code) {
        Ok(()) if group.group_state != STATE_DEAD => {}
        // A group of the newer protocol (KIP-848) is described by another request.
        Ok(()) | Err(ErrorCode::GroupIdNotFound) => {
            let found = find_consumer_group(session, coordinator, name)?;
            return found
                .ok_or_else(|| Failure::refused(&action, ErrorCode::GroupIdNotFound, None));
        }
        Err(error) => {
            return Err(Failure::refused(
                &action,
                error,
                group.error_message.as_deref(),
            ));
        }
    }
    let members = group.members.into_iter().map(|member| Member {
        partitions: partitions_of(&member.member_assignment),
        id: member.member_id,
        instance: member.group_instance_id,
        client: member.client_id,
        host: member.client_host,
    });
    Ok(Group {
        name: name.to_owned(),
        state: group.group_state,
        kind: "classic",
        assignor: group.protocol_data,
        coordinator,
        members: members.collect(),
    })
}

fn find_consumer_group(
    session: &mut Session,
    coordinator: BrokerId,
    name: &str,
) -> Result<Option<Group>, Failure> {
    let request: AnyRequest = ConsumerGroupDescribeRequest {
        group_ids: vec![name.to_owned()],
        ..ConsumerGroupDescribeRequest::default()
    }
    .into();
    if session.first_connection().version_for(&request).is_err() {
        return Ok(None);
    }
    let described = answer!(
        ConsumerGroupDescribe,
        session.ask_broker(coordinator, request)?
    );
    let Some(group) = described.groups.into_iter().next() else {
        return Ok(None);
    };
    if error_of(group.error_code).is_err() {
        return Ok(None);
    }
    let members = group.members.into_iter().map(|member| {
        let topics = member.assignment.topic_partitions.into_iter();
        let partitions = topics.flat_map(|topic| {
            let name: std::sync::Arc<str> = topic.topic_name.as_str().into();
            let partitions = topic.partitions.into_iter();
            partitions.map(move |partition| TopicPartition {
                topic: name.clone(),
                partition,
            })
        });
        Member {
            partitions: partitions.collect(),
            id: member.member_id,
            instance: member.instance_id,
            client: member.client_id,
            host: member.client_host,
        }
    });
    Ok(Some(Group {
        name: name.to_owned(),
        state: group.group_state,
        kind: "consumer",
        assignor: group.assignor_name,
        coordinator,
        members: members.collect(),
    }))
}

/// What a member was assigned. The bytes are the members' own affair: those that are not of
/// Kafka's consumer protocol name no partitions.
fn partitions_of(assignment: &Bytes) -> BTreeSet<TopicPartition> {
    let assignment: ConsumerProtocolAssignment =
        decode_versioned(assignment.clone()).unwrap_or_default();
    let topics = assignment.assigned_partitions.into_iter();
    let partitions = topics.flat_map(|topic| {
        let name: std::sync::Arc<str> = topic.topic.as_str().into();
        let partitions = topic.partitions.into_iter();
        partitions.map(move |partition| TopicPartition {
            topic: name.clone(),
            partition,
        })
    });
    partitions.collect()
}

fn places_of<'a>(session: &mut Session, group: &'a Group) -> Result<Vec<Place<'a>>, Failure> {
    let committed = committed(session, group.coordinator, &group.name)?;
    let assigned = group
        .members
        .iter()
        .flat_map(|member| member.partitions.iter().cloned());
    let partitions: BTreeSet<TopicPartition> = committed.keys().cloned().chain(assigned).collect();
    let ends = ends(session, &partitions)?;
    let owners: BTreeMap<&TopicPartition, &Member> = group
        .members
        .iter()
        .flat_map(|member| {
            member
                .partitions
                .iter()
                .map(move |partition| (partition, member))
        })
        .collect();
    let place = |partition: TopicPartition| Place {
        committed: committed.get(&partition).copied(),
        end: ends.get(&partition).copied(),
        member: owners.get(&partition).copied(),
        partition,
    };
    Ok(partitions.into_iter().map(place).collect())
}

fn tell(group: &Group, places: &[Place<'_>], output: &mut Output) -> Result<(), Failure> {
    let assignor = if group.assignor.is_empty() {
        String::new()
    } else {
        format!(", assignor {}", group.assignor)
    };
    output.line(&format!(
        "group {}  {}, {}, {} protocol{assignor}, coordinator {}",
        group.name,
        group.state,
        counted(group.members.len(), "member"),
        group.kind,
        group.coordinator,
    ))?;
    let or_dash = |offset: Option<Offset>| offset.map_or("-".to_owned(), |at| at.to_string());
    let mut table = Table::new(&[
        "TOPIC",
        "PARTITION",
        "COMMITTED",
        "END",
        "LAG",
        "CLIENT",
        "HOST",
        "MEMBER",
    ]);
    for place in places {
        let of_member = |of: fn(&Member) -> &str| place.member.map_or("-", of).to_owned();
        table.row(vec![
            place.partition.topic.to_string(),
            place.partition.partition.to_string(),
            or_dash(place.committed),
            or_dash(place.end),
            or_dash(place.lag()),
            of_member(|member| &member.client),
            of_member(|member| &member.host),
            of_member(|member| &member.id),
        ]);
    }
    if !places.is_empty() {
        table
            .lines("  ")
            .iter()
            .try_for_each(|line| output.line(line))?;
        let lag: Offset = places.iter().filter_map(Place::lag).sum();
        let lag = counted(usize::try_from(lag).unwrap_or(usize::MAX), "record");
        output.line(&format!("  behind by {lag} in all"))?;
    }
    for member in group
        .members
        .iter()
        .filter(|member| member.partitions.is_empty())
    {
        let (client, host, id) = (&member.client, &member.host, &member.id);
        output.line(&format!("  without a partition: {client} {host} {id}"))?;
    }
    Ok(())
}

fn document(group: &Group, places: &[Place<'_>]) -> Value {
    let members: Vec<Value> = group
        .members
        .iter()
        .map(|member| {
            json!({
                "member": member.id,
                "instance": member.instance,
                "client_id": member.client,
                "host": member.host,
                "partitions": member.partitions.len(),
            })
        })
        .collect();
    let partitions: Vec<Value> = places
        .iter()
        .map(|place| {
            json!({
                "topic": place.partition.topic.as_ref(),
                "partition": place.partition.partition,
                "committed": place.committed,
                "end": place.end,
                "lag": place.lag(),
                "member": place.member.map(|member| member.id.as_str()),
            })
        })
        .collect();
    json!({
        "group": group.name,
        "state": group.state,
        "type": group.kind,
        "assignor": group.assignor,
        "coordinator": group.coordinator,
        "members": members,
        "partitions": partitions,
    })
}

fn error_in(answer: &AnyResponse) -> Option<ErrorCode> {
    match answer {
        AnyResponse::DescribeGroups(answer) => error_of(answer.groups.first()?.error_code).err(),
        _ => None,
    }
}
