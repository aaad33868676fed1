"""confluent-kafka (librdkafka) as its articles show it: `produce SERVER TOPIC [KEY=VALUE...]`,
`consume SERVER TOPIC COUNT`."""

import sys

from confluent_kafka import Consumer, Producer


def produce(server, topic, *settings):
    conf = dict(setting.split("=", 1) for setting in settings)
    producer = Producer({"bootstrap.servers": server, **conf})
    failures = []

    def delivered(error, _message):
        if error is not None:
            failures.append(str(error))

    for number in range(10):
        producer.produce(topic, value=f"message {number}", on_delivery=delivered)
        producer.poll(0)
    left = producer.flush(60)
    if left or failures:
        sys.exit(f"{left} undelivered, {failures}")


def consume(server, topic, count):
    consumer = Consumer(
        {"bootstrap.servers": server, "group.id": "group1", "auto.offset.reset": "earliest"}
    )
    consumer.subscribe([topic])
    offset = -1
    while offset + 1 < int(count):
        message = consumer.poll(1.0)
        if message is None:
            continue
        if message.error():
            sys.exit(str(message.error()))
        offset = message.offset()
        print(message.partition(), offset, message.key(), message.value().decode())
    consumer.close()


{"produce": produce, "consume": consume}[sys.argv[1]](*sys.argv[2:])
