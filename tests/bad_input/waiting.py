"""What a producer sends that has to wait: `waiting.py produce SERVER TOPIC SECONDS` sends as
fast as it is acknowledged and prints `PARTITION OFFSET VALUE` for each record that was;
`waiting.py read SERVER TOPIC` prints the same of all that a reader finds."""

import sys
import time

from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition


def produce(server, topic, seconds):
    producer = Producer(
        {
            "bootstrap.servers": server,
            "enable.idempotence": True,
            "linger.ms": 2,
            "queue.buffering.max.messages": 2000,
            "reconnect.backoff.max.ms": 200,
            "message.timeout.ms": 120000,
        }
    )

    def delivered(error, message):
        if error is None:
            print(message.partition(), message.offset(), message.value().decode())

    number, end = 0, time.monotonic() + float(seconds)
    while time.monotonic() < end:
        try:
            producer.produce(topic, f"record-{number}", str(number % 50), on_delivery=delivered)
            number += 1
        except BufferError:
            producer.poll(0.05)
        producer.poll(0)
    left = producer.flush(120)
    if left:
        sys.exit(f"{left} records were never answered")


def read(server, topic):
    consumer = Consumer(
        {"bootstrap.servers": server, "group.id": "nobody", "enable.partition.eof": True}
    )
    partitions = consumer.list_topics(topic, 30).topics[topic].partitions
    consumer.assign([TopicPartition(topic, partition, 0) for partition in partitions])
    open_ends = set(partitions)
    while open_ends:
        for message in consumer.consume(500, 10):
            if message.error() is None:
                print(message.partition(), message.offset(), message.value().decode())
            elif message.error().code() == KafkaError._PARTITION_EOF:
                open_ends.discard(message.partition())
            else:
                sys.exit(str(message.error()))
    consumer.close()


{"produce": produce, "read": read}[sys.argv[1]](*sys.argv[2:])
