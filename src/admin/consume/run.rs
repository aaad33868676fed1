//! The loop that fetches, prints and keeps a place in the group.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::admin::Failure;
use crate::admin::asked::{Asked, Asker};
use crate::admin::clock::Clock;
use crate::admin::failure::explain;
use crate::admin::output::Output;
use crate::admin::progress::Progress;
use crate::admin::session::{Happening, Session};
use crate::admin::signals::catch_signals;
use crate::admin::table::counted;
use crate::client::Tag;
use crate::client::consumer::{
    FetchFailure, FetchFailureReason, FetchSettings, Fetched, Fetcher, GroupEvent, Membership,
    MembershipSettings, Start,
};
use crate::model::{ErrorCode, Offset, TopicPartition};
use crate::protocol::AnyResponse;

use super::{Consume, Format, print};

/// How often positions are committed while records come.
const COMMIT_EVERY: Duration = Duration::from_secs(5);

/// When nothing is due, look again after this.
const IDLE: Duration = Duration::from_secs(1);

/// How long leaving a group may take before the command ends without it.
const LEAVE_PATIENCE: Duration = Duration::from_secs(3);

pub fn run(command: &Consume, output: &mut Output) -> Result<(), Failure> {
    if command.offset.is_some() && command.partition.len() != 1 {
        let text = "--offset is of one partition: give one --partition";
        return Err(Failure::Usage(text.to_owned()));
    }
    let mut session = Session::open(&command.connection)?;
    session.refresh(Some(&[&command.topic]), false)?;
    if let Some(error) = session.cluster().topic_error(&command.topic) {
        let action = format!("cannot read topic {:?}", command.topic);
        return Err(Failure::refused(&action, error, None));
    }
    let start = start_of(command);
    let settings = FetchSettings {
        reset: Some(start),
        ..FetchSettings::default()
    };
    let settings = match command.offset {
        // Who names an offset wants that one or to know that it is not there.
        Some(_) => FetchSettings {
            reset: None,
            ..settings
        },
        None => settings,
    };
    let membership = command.group.as_deref().map(|group| {
        Membership::new(MembershipSettings::new(
            group,
            std::slice::from_ref(&command.topic),
        ))
    });
    let mut run = Run {
        command,
        session,
        fetcher: Fetcher::new(settings),
        membership,
        start,
        topic: command.topic.as_str().into(),
        asked: Asked::default(),
        clock: Clock::new(),
        last_record: Instant::now(),
        next_commit: Instant::now() + COMMIT_EVERY,
        committed: BTreeMap::new(),
        records: 0,
        bytes: 0,
        is_ended: false,
        failure: None,
        progress: Progress::of_output(),
    };
    if run.membership.is_none() {
        run.assign_partitions()?;
    }
    catch_signals(&run.session)?;
    let result = run.until_ended(output);
    let left = run.leave();
    result.and(left)
}

fn start_of(command: &Consume) -> Start {
    match (command.offset, command.timestamp) {
        (Some(offset), _) => Start::Offset(offset),
        (None, Some(timestamp)) => Start::Timestamp(timestamp.max(0)),
        (None, None) if command.from_beginning || command.to_end => Start::Earliest,
        (None, None) => Start::Latest,
    }
}

struct Run<'a> {
    command: &'a Consume,
    session: Session,
    fetcher: Fetcher,
    membership: Option<Membership>,
    start: Start,
    topic: Arc<str>,
    asked: Asked,
    clock: Clock,
    last_record: Instant,
    next_commit: Instant,
    /// What the group knows of our positions, or is being told.
    committed: BTreeMap<TopicPartition, Offset>,
    records: u64,
    bytes: u64,
    is_ended: bool,
    failure: Option<Failure>,
    progress: Progress,
}

impl Run<'_> {
    fn assign_partitions(&mut self) -> Result<(), Failure> {
        let topic = self.session.cluster().topic(&self.topic);
        let known: Vec<i32> = topic
            .map(|topic| topic.partitions.keys().copied().collect())
            .unwrap_or_default();
        if let Some(missing) = self
            .command
            .partition
            .iter()
            .find(|one| !known.contains(one))
        {
            let count = counted(known.len(), "partition");
            let text = format!(
                "topic {:?} has {count}, not a partition {missing}",
                self.topic
            );
            return Err(Failure::Usage(text));
        }
        let wanted = if self.command.partition.is_empty() {
            known
        } else {
            self.command.partition.clone()
        };
        for partition in wanted {
            let partition = TopicPartition {
                topic: self.topic.clone(),
                partition,
            };
            self.fetcher.assign(partition, self.start);
        }
        Ok(())
    }

    fn until_ended(&mut self, output: &mut Output) -> Result<(), Failure> {
        while !self.is_ended {
            self.print_fetched(output)?;
            self.on_fetch_failures();
            self.on_group_events();
            if self.is_ended || self.has_reached_end() || self.is_silent() {
                break;
            }
            self.commit_if_due();
            self.send();
            self.wait()?;
            self.progress
                .update(self.clock.elapsed(), self.records, self.bytes);
        }
        output.flush()?;
        match self.failure.take() {
            Some(failure) => Err(failure),
            None => Ok(()),
        }
    }

    fn print_fetched(&mut self, output: &mut Output) -> Result<(), Failure> {
        let mut has_printed = false;
        while !self.is_ended
            && let Some(Fetched { partition, records }) = self.fetcher.drain_fetched()
        {
            for (index, record) in records.iter().enumerate() {
                if output.is_json() || self.command.format == Format::Json {
                    output.document(&print::document(&partition, record))?;
                } else {
                    output.bytes(&print::plain(&partition, record, &self.command.print))?;
                }
                self.records += 1;
                let size = record.value.as_ref().map_or(0, bytes::Bytes::len);
                self.bytes += u64::try_from(size).unwrap_or(u64::MAX);
                has_printed = true;
                if self
                    .command
                    .max_records
                    .is_some_and(|max| self.records >= max)
                {
                    self.is_ended = true;
                    if index + 1 < records.len() {
                        // What was fetched beyond was not read, so the group must not skip it.
                        let next = Start::Offset(record.offset + 1);
                        self.fetcher.assign(partition.clone(), next);
                    }
                    break;
                }
            }
        }
        if has_printed {
            self.last_record = Instant::now();
            output.flush()?;
        }
        Ok(())
    }

    fn on_fetch_failures(&mut self) {
        for FetchFailure {
            partition,
            offset,
            reason,
        } in self.fetcher.drain_failures()
        {
            let reason = match reason {
                FetchFailureReason::Refused(error) => explain(error, None),
                FetchFailureReason::Broken(error) => error.to_string(),
            };
            let place = offset.map_or_else(String::new, |offset| format!(" at offset {offset}"));
            let text = format!("cannot read partition {partition}{place}: {reason}");
            self.failure = Some(Failure::Failed(text));
            self.is_ended = true;
        }
    }

    fn on_group_events(&mut self) {
        let Some(membership) = &mut self.membership else {
            return;
        };
        for event in membership.drain_events() {
            match event {
                GroupEvent::Assigned(partitions) => {
                    self.committed.clear();
                    for (partition, committed) in partitions {
                        let start = committed.map_or(self.start, Start::Offset);
                        if let Some(offset) = committed {
                            self.committed.insert(partition.clone(), offset);
                        }
                        self.fetcher.assign(partition, start);
                    }
                }
                GroupEvent::Revoked => {
                    let own: Vec<TopicPartition> = self.fetcher.partitions().cloned().collect();
                    // Who joins again may still commit what it has read.
                    membership.commit(positions(&self.fetcher, &self.committed));
                    own.iter()
                        .for_each(|partition| self.fetcher.unassign(partition));
                }
                GroupEvent::Committed(Ok(())) | GroupEvent::Left => {}
                GroupEvent::Committed(Err(error)) => {
                    eprintln!("forebay: cannot commit: {}", explain(error, None));
                }
                GroupEvent::Failed(error) => {
                    let action = "cannot be a member of the group";
                    self.failure = Some(Failure::refused(action, error, None));
                    self.is_ended = true;
                }
            }
        }
    }

    /// True if nothing is left to read, where that is when to end.
    fn has_reached_end(&self) -> bool {
        let mut partitions = self.fetcher.partitions().peekable();
        self.command.to_end
            && partitions.peek().is_some()
            && !self.fetcher.has_fetched()
            && partitions.all(|partition| {
                let (position, end) = (
                    self.fetcher.position(partition),
                    self.fetcher.end(partition),
                );
                position
                    .zip(end)
                    .is_some_and(|(position, end)| position >= end)
            })
    }

    fn is_silent(&self) -> bool {
        let timeout = self.command.timeout.map(Duration::from_millis);
        timeout.is_some_and(|timeout| self.last_record.elapsed() >= timeout)
    }

    fn commit_if_due(&mut self) {
        if Instant::now() >= self.next_commit {
            self.commit();
        }
    }

    fn commit(&mut self) {
        self.next_commit = Instant::now() + COMMIT_EVERY;
        if let Some(membership) = &mut self.membership {
            let moved = positions(&self.fetcher, &self.committed);
            self.committed
                .extend(moved.iter().map(|(partition, at)| (partition.clone(), *at)));
            membership.commit(moved);
        }
    }

    fn send(&mut self) {
        let now = self.clock.now();
        let mut stale = false;
        if let Some(membership) = &mut self.membership {
            let cluster = self.session.cluster();
            let is_unknown = |topic: &&String| {
                cluster.topic(topic).is_none() && cluster.topic_error(topic).is_none()
            };
            stale = membership.topics().iter().any(|topic| is_unknown(&topic));
            if let Some(outgoing) = membership.next_request(now, cluster) {
                let is_sent = self
                    .asked
                    .send(&mut self.session, Asker::Membership, &outgoing);
                if let Some(tag) = outgoing.tag
                    && !is_sent
                {
                    membership.on_answer(now, tag, None);
                }
            }
        }
        while let Some(outgoing) = self.fetcher.next_request(now, self.session.cluster()) {
            let is_sent = self
                .asked
                .send(&mut self.session, Asker::Fetcher, &outgoing);
            if let Some(tag) = outgoing.tag
                && !is_sent
            {
                self.fetcher
                    .on_answer(now, tag, None, self.session.cluster());
            }
        }
        if self.fetcher.take_stale() || stale {
            let mut topics: Vec<&str> = vec![&self.topic];
            if let Some(membership) = &self.membership {
                topics.extend(membership.topics().iter().map(String::as_str));
            }
            topics.dedup();
            // If this fails, what waits is retried, and asks for it again.
            drop(self.session.refresh(Some(&topics), false));
        }
    }

    fn wait(&mut self) -> Result<(), Failure> {
        match self.session.next_happening(self.deadline())? {
            Some(Happening::Response(link, response)) => {
                if let Some((asker, tag)) = self.asked.on_response(link, response.id) {
                    self.on_answer(asker, tag, Some(&response.body));
                }
            }
            Some(Happening::Closed(link, _)) => {
                for (asker, tag) in self.asked.on_closed(link) {
                    self.on_answer(asker, tag, None);
                }
            }
            Some(Happening::Interrupted) => self.is_ended = true,
            Some(Happening::Input(_) | Happening::InputEnd(_)) => {}
            None => {
                for (asker, tag) in self.asked.expire(&mut self.session) {
                    self.on_answer(asker, tag, None);
                }
            }
        }
        Ok(())
    }

    fn on_answer(&mut self, asker: Asker, tag: Tag, answer: Option<&AnyResponse>) {
        let now = self.clock.now();
        match asker {
            Asker::Membership => {
                if let Some(membership) = &mut self.membership {
                    membership.on_answer(now, tag, answer);
                }
            }
            Asker::Fetcher | Asker::Producer => {
                self.fetcher
                    .on_answer(now, tag, answer, self.session.cluster());
            }
        }
    }

    fn deadline(&self) -> Instant {
        let group = self.membership.as_ref().and_then(Membership::next_deadline);
        let due = [self.fetcher.next_deadline(), group];
        let due = due
            .into_iter()
            .flatten()
            .filter_map(|due| self.clock.instant_of(due));
        let silent = self
            .command
            .timeout
            .and_then(|timeout| self.last_record.checked_add(Duration::from_millis(timeout)));
        let idle = Instant::now() + IDLE;
        due.chain(silent)
            .chain(self.asked.next_deadline())
            .fold(idle, Instant::min)
    }

    /// Commits what was printed and leaves, so that other members take over at once.
    fn leave(&mut self) -> Result<(), Failure> {
        if self.membership.is_none() {
            return Ok(());
        }
        self.commit();
        if let Some(membership) = &mut self.membership {
            membership.leave();
        }
        let own: Vec<TopicPartition> = self.fetcher.partitions().cloned().collect();
        own.iter()
            .for_each(|partition| self.fetcher.unassign(partition));
        let deadline = Instant::now() + LEAVE_PATIENCE;
        while Instant::now() < deadline {
            let events = self.membership.as_mut().map(Membership::drain_events);
            for event in events.unwrap_or_default() {
                match event {
                    GroupEvent::Left | GroupEvent::Failed(_) => return Ok(()),
                    GroupEvent::Committed(Err(error)) => return Err(uncommitted(error)),
                    _ => {}
                }
            }
            self.send();
            self.wait()?;
        }
        let text = "the group's coordinator did not answer: what was printed last may come again";
        Err(Failure::Failed(text.to_owned()))
    }
}

fn uncommitted(error: ErrorCode) -> Failure {
    Failure::refused("cannot commit what was printed", error, None)
}

/// Where the next record would be read, where the group does not know it yet.
fn positions(
    fetcher: &Fetcher,
    committed: &BTreeMap<TopicPartition, Offset>,
) -> BTreeMap<TopicPartition, Offset> {
    let positions = fetcher.partitions().filter_map(|partition| {
        let position = fetcher.position(partition)?;
        (committed.get(partition) != Some(&position)).then(|| (partition.clone(), position))
    });
    positions.collect()
}
