//! Requests of a pure client on their way, and what becomes of them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::client::{Outgoing, RequestId, Tag};
use crate::protocol::AnyRequest;

use super::network::LinkId;
use super::session::Session;

/// What a broker may take beyond the time that a member has to join again.
const REBALANCE_SLACK: Duration = Duration::from_secs(5);

/// Which part of a client asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Asker {
    Producer,
    Fetcher,
    Membership,
}

/// The requests without an answer.
#[derive(Debug, Default)]
pub struct Asked {
    open: BTreeMap<(LinkId, RequestId), Question>,
}

#[derive(Clone, Copy, Debug)]
struct Question {
    asker: Asker,
    tag: Tag,
    deadline: Instant,
}

impl Asked {
    /// Sends a request. False if it could not be sent, which is as a lost connection.
    pub fn send(&mut self, session: &mut Session, asker: Asker, outgoing: &Outgoing) -> bool {
        let Ok(key) = session.send_to(outgoing.broker, &outgoing.request) else {
            return false;
        };
        if let Some(tag) = outgoing.tag {
            // A group that rebalances answers when all have joined.
            let patience = match &outgoing.request {
                AnyRequest::JoinGroup(join) => {
                    let wait_ms = u64::try_from(join.rebalance_timeout_ms).unwrap_or(0);
                    Duration::from_millis(wait_ms) + REBALANCE_SLACK
                }
                _ => session.timeout(),
            };
            let deadline = Instant::now() + patience;
            self.open.insert(
                key,
                Question {
                    asker,
                    tag,
                    deadline,
                },
            );
        }
        true
    }

    /// Who asked what is answered by this.
    pub fn on_response(&mut self, link: LinkId, id: RequestId) -> Option<(Asker, Tag)> {
        let question = self.open.remove(&(link, id))?;
        Some((question.asker, question.tag))
    }

    /// The requests that will have no answer, since their connection is gone.
    pub fn on_closed(&mut self, link: LinkId) -> Vec<(Asker, Tag)> {
        let lost = self.open.extract_if(.., |(on, _), _| *on == link);
        lost.map(|(_, question)| (question.asker, question.tag))
            .collect()
    }

    /// Closes connections on which an answer is overdue; the requests that were on them.
    pub fn expire(&mut self, session: &mut Session) -> Vec<(Asker, Tag)> {
        let now = Instant::now();
        let overdue = self
            .open
            .iter()
            .filter(|(_, question)| question.deadline <= now);
        let links: Vec<LinkId> = overdue.map(|((link, _), _)| *link).collect();
        let mut lost = Vec::new();
        for link in links {
            session.close(link);
            lost.extend(self.on_closed(link));
        }
        lost
    }

    /// When the first answer is overdue.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.open.values().map(|question| question.deadline).min()
    }
}
