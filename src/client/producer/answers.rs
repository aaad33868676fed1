//! What an answer, or its absence, means for the batches that were sent.

use crate::client::{Cluster, Tag, error_of, is_stale};
use crate::model::{ErrorCode, Offset, TopicPartition};
use crate::protocol::AnyResponse;
use crate::protocol::messages::produce_response::{PartitionProduceResponse, ProduceResponse};
use crate::stdx::Instant;

use super::DeliveryFailure;
use super::batch::State;
use super::core::{Identity, InFlight, Producer};

impl Producer {
    /// The answer to a request of this producer; `None` if its connection was lost or gave no
    /// answer in time (it must be closed then).
    pub fn on_answer(
        &mut self,
        now: Instant,
        tag: Tag,
        answer: Option<&AnyResponse>,
        cluster: &Cluster,
    ) {
        let Some(request) = self.in_flight.remove(&tag) else {
            return;
        };
        if request.batches.is_empty() {
            self.on_identity(now, answer);
        } else {
            let answer = match answer {
                Some(AnyResponse::Produce(answer)) => Some(answer),
                _ => None,
            };
            self.on_produced(now, request, answer, cluster);
        }
        self.settle();
    }

    fn on_identity(&mut self, now: Instant, answer: Option<&AnyResponse>) {
        let retry_at = Some(now + self.settings.retry_backoff);
        let Some(AnyResponse::InitProducerId(answer)) = answer else {
            self.identity = Identity::Unknown;
            self.retry_identity_at = retry_at;
            return;
        };
        match error_of(answer.error_code) {
            Ok(()) => self.identity = Identity::Known(answer.producer_id, answer.producer_epoch),
            Err(error) => {
                self.identity = Identity::Unknown;
                self.retry_identity_at = retry_at;
                if !error.is_retriable() {
                    let failure = DeliveryFailure::Refused(error, None);
                    for batch in self
                        .queues
                        .values_mut()
                        .flat_map(|queue| &mut queue.batches)
                    {
                        batch.state = State::Settled(Err(failure.clone()));
                    }
                }
            }
        }
    }

    fn on_produced(
        &mut self,
        now: Instant,
        request: InFlight,
        answer: Option<&ProduceResponse>,
        cluster: &Cluster,
    ) {
        if answer.is_none() {
            self.stale = true;
        }
        for (partition, serial) in request.batches {
            match answer.and_then(|answer| answer_for(answer, &partition, cluster)) {
                Some(answer) => match error_of(answer.error_code) {
                    Ok(()) | Err(ErrorCode::DuplicateSequenceNumber) => {
                        let base_offset = (answer.base_offset >= 0).then_some(answer.base_offset);
                        self.on_stored(&partition, serial, base_offset);
                    }
                    Err(error) => {
                        let message = answer.error_message.clone();
                        self.on_refused(now, &partition, serial, error, message);
                    }
                },
                None => self.on_lost(now, &partition, serial),
            }
        }
    }

    fn on_stored(&mut self, partition: &TopicPartition, serial: u64, base_offset: Option<Offset>) {
        let Some(queue) = self.queues.get_mut(partition) else {
            return;
        };
        queue.is_known = true;
        queue.retry_at = None;
        if let Some(batch) = queue.by_serial(serial) {
            batch.state = State::Settled(Ok(base_offset));
        }
    }

    fn on_lost(&mut self, now: Instant, partition: &TopicPartition, serial: u64) {
        let Some(queue) = self.queues.get_mut(partition) else {
            return;
        };
        queue.retry_at = Some(now + self.settings.retry_backoff);
        if let Some(batch) = queue.by_serial(serial) {
            batch.state = State::Waiting;
            batch.is_maybe_stored = true;
        }
    }

    fn on_refused(
        &mut self,
        now: Instant,
        partition: &TopicPartition,
        serial: u64,
        error: ErrorCode,
        message: Option<String>,
    ) {
        self.stale |= is_stale(error);
        let is_numbered = self.identity != Identity::NotWanted;
        let Some(queue) = self.queues.get_mut(partition) else {
            return;
        };
        let is_first = queue.is_first_unsettled(serial);
        let Some(batch) = queue.by_serial(serial) else {
            return;
        };
        let comes_early =
            error == ErrorCode::OutOfOrderSequenceNumber && (!is_first || batch.needs_sequence);
        if comes_early || error.is_retriable() {
            batch.is_maybe_stored |= is_silent_on_storage(error);
            batch.state = State::Waiting;
            if std::mem::take(&mut batch.needs_sequence) {
                batch.sequence = None;
            }
            queue.retry_at = Some(now + self.settings.retry_backoff);
            return;
        }
        batch.state = State::Settled(Err(DeliveryFailure::Refused(error, message)));
        let is_certain = !batch.is_maybe_stored && !is_silent_on_storage(error);
        if is_certain && !ends_identity(error) {
            queue.close_gap(serial);
        } else if is_numbered {
            self.identity = Identity::Spent;
        }
    }
}

fn answer_for<'a>(
    answer: &'a ProduceResponse,
    partition: &TopicPartition,
    cluster: &Cluster,
) -> Option<&'a PartitionProduceResponse> {
    let topics = answer.responses.iter().filter(|topic| {
        let name = if topic.topic_id.is_zero() {
            Some(topic.name.as_str())
        } else {
            cluster.topic_name(topic.topic_id)
        };
        name == Some(&partition.topic)
    });
    let mut partitions = topics.flat_map(|topic| &topic.partition_responses);
    partitions.find(|answer| answer.index == partition.partition)
}

/// True if the batch may be stored in spite of the error.
const fn is_silent_on_storage(error: ErrorCode) -> bool {
    matches!(
        error,
        ErrorCode::RequestTimedOut
            | ErrorCode::NotEnoughReplicasAfterAppend
            | ErrorCode::KafkaStorageError
            | ErrorCode::UnknownServerError
    )
}

/// True if the broker no longer takes anything of this producer id and epoch.
const fn ends_identity(error: ErrorCode) -> bool {
    matches!(
        error,
        ErrorCode::OutOfOrderSequenceNumber
            | ErrorCode::UnknownProducerId
            | ErrorCode::InvalidProducerEpoch
            | ErrorCode::ProducerFenced
    )
}
