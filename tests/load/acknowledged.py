"""What was acknowledged must be there.

`acknowledged.py produce SERVER TOPIC PARTITIONS BEGUN END SEED` sends small and large records,
makes a file BEGUN when some were acknowledged, and goes on until there is a file END. Then it prints
`PARTITION OFFSET PRODUCER NUMBER` for each that was acknowledged, with `-` for an offset that it was
not told. Each producer numbers what it sends to a partition.
With DELIVERY_TIMEOUT_MS in the environment a producer gives a record up after so long, and
REQUEST_TIMEOUT_MS is how long it waits for one answer; with ONE_LIFE it fails instead of having
another follow it. On stderr it tells `pause BEGAN LENGTH`, in milliseconds, when a partition
acknowledged nothing for a tenth of a second or longer.
`acknowledged.py read SERVER TOPIC` prints the same of all that a reader finds, in its order, and
fails if a value is not what its producer sent.
`acknowledged.py consume SERVER TOPIC END` is a member of a group until there is a file END. It fails
if it is told of an error, and if a record is left out.
"""

import collections
import os
import random
import sys
import time

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

# How many records a burst of small ones has; the larger ones are larger than the journal takes.
BURSTS = [1, 1, 5, 20, 100]

# Shorter ones are not told.
PAUSE_MIN_MS = 100


def value(producer, number, length):
    head = f"{producer} {number} {length} "
    return (head * (length // len(head) + 1))[: max(length, len(head))]


class Sender:
    """An idempotent producer. One that may not go on, since the broker does not know any more which
    of its batches it has, gives up what was not acknowledged, and another follows it."""

    def __init__(self, server, name, settings):
        self.settings = {
            "bootstrap.servers": server,
            "enable.idempotence": True,
            "queue.buffering.max.messages": 2000,
            "reconnect.backoff.max.ms": 200,
            "message.timeout.ms": int(os.environ.get("DELIVERY_TIMEOUT_MS", 120000)),
            "request.timeout.ms": int(os.environ.get("REQUEST_TIMEOUT_MS", 30000)),
            "error_cb": self.on_error,
            **settings,
        }
        self.name, self.lives, self.acknowledged = name, 0, []
        self.heard_at, self.pauses = {}, []
        self.begin()

    def begin(self):
        self.lives += 1
        self.next_numbers = collections.Counter()
        self.may_not_go_on = False
        self.failures = []
        self.producer = Producer(self.settings)

    def on_error(self, error):
        self.may_not_go_on |= error.fatal()

    def send(self, topic, partition, length):
        name, number = f"{self.name}-{self.lives}", self.next_numbers[partition]

        def delivered(error, message):
            if error is not None:
                self.failures.append(str(error))
                return
            offset = message.offset() if (message.offset() or 0) >= 0 else "-"
            self.acknowledged.append(f"{partition} {offset} {name} {number}")
            self.hear(partition)

        try:
            body = value(name, number, length)
            self.producer.produce(topic, body, partition=partition, on_delivery=delivered)
            self.next_numbers[partition] += 1
        except BufferError:
            pass
        except KafkaException as error:
            if not error.args[0].fatal():
                raise
            self.may_not_go_on = True

    def hear(self, partition):
        now = int(time.time() * 1000)
        before = self.heard_at.get(partition, now)
        self.heard_at[partition] = now
        if now - before >= PAUSE_MIN_MS:
            self.pauses.append(f"pause {before} {now - before}")

    def poll(self, seconds):
        self.producer.poll(seconds)
        if self.may_not_go_on:
            if "ONE_LIFE" in os.environ:
                sys.exit(f"{self.name} may not go on: {self.failures[:3]}")
            self.finish()
            self.begin()

    def finish(self):
        if self.may_not_go_on:
            self.producer.purge()
        left = self.producer.flush(120)
        if not self.may_not_go_on and (left or self.failures):
            sys.exit(f"{left} records were never answered; {self.failures[:3]}")


def produce(server, topic, partitions, begun, end, seed):
    choice, partitions = random.Random(int(seed)), int(partitions)
    small = Sender(server, "small", {"linger.ms": 1})
    large = Sender(server, "large", {"linger.ms": 5, "batch.size": 400000})
    while not os.path.exists(end):
        partition = choice.randrange(partitions)
        for _ in range(choice.choice(BURSTS)):
            small.send(topic, partition, choice.randrange(20, 300))
        if choice.randrange(5) == 0:
            large.send(topic, choice.randrange(partitions), choice.randrange(20000, 120000))
        small.poll(0.005)
        large.poll(0.005)
        if small.acknowledged and large.acknowledged:
            open(begun, "w").close()
    for sender in (small, large):
        sender.finish()
        for line in sender.acknowledged:
            sys.stdout.write(f"{line}\n")
        print(f"{sender.name}: {sender.lives} producers", file=sys.stderr)
    # The other one sends to few partitions, and seldom.
    print("\n".join(small.pauses), file=sys.stderr)


def read(server, topic):
    consumer = Consumer(
        {"bootstrap.servers": server, "group.id": "nobody", "enable.partition.eof": True}
    )
    partitions = consumer.list_topics(topic, 30).topics[topic].partitions
    consumer.assign([TopicPartition(topic, partition, 0) for partition in partitions])
    open_ends, lines = set(partitions), []
    while open_ends:
        for message in consumer.consume(500, 10):
            if message.error() is None:
                text, place = message.value().decode(), (message.partition(), message.offset())
                name, number, length, _ = text.split(" ", 3)
                if text != value(name, int(number), int(length)):
                    sys.exit(f"{place} is not what {name} sent as {number}")
                lines.append(f"{place[0]} {place[1]} {name} {number}\n")
            elif message.error().code() == KafkaError._PARTITION_EOF:
                open_ends.discard(message.partition())
            else:
                sys.exit(str(message.error()))
    consumer.close()
    sys.stdout.write("".join(lines))


def consume(server, topic, end):
    def on_error(error):
        # The others are for who reads the log: the client recovers by itself.
        if error.fatal():
            failures.append(str(error))

    failures, next_offsets, count = [], {}, 0
    consumer = Consumer(
        {
            "bootstrap.servers": server,
            "group.id": "librdkafka",
            "auto.offset.reset": "earliest",
            "reconnect.backoff.max.ms": 200,
            "error_cb": on_error,
        }
    )
    consumer.subscribe([topic])
    while not os.path.exists(end):
        message = consumer.poll(0.1)
        if message is None:
            continue
        if message.error() is not None:
            sys.exit(f"the consumer was told {message.error()}")
        expected = next_offsets.get(message.partition(), 0)
        if message.offset() > expected:
            sys.exit(f"after {expected} of {message.partition()} came {message.offset()}")
        next_offsets[message.partition()] = message.offset() + 1
        count += 1
    consumer.close()
    if failures or not count:
        sys.exit(f"{count} records, {failures[:3]}")
    print(f"librdkafka consumed {count}", file=sys.stderr)


{"produce": produce, "read": read, "consume": consume}[sys.argv[1]](*sys.argv[2:])
