"""kafka-python as its articles show it: `produce SERVER TOPIC`, `consume SERVER TOPIC COUNT`."""

import sys

from kafka import KafkaConsumer, KafkaProducer


def produce(server, topic):
    producer = KafkaProducer(bootstrap_servers=server)
    for number in range(10):
        producer.send(topic, b"message %d" % number)
    producer.flush()
    producer.close()


def consume(server, topic, count):
    consumer = KafkaConsumer(
        topic, group_id="group1", bootstrap_servers=server, auto_offset_reset="earliest"
    )
    for record in consumer:
        print(record.partition, record.offset, record.key, record.value.decode())
        if record.offset + 1 == int(count):
            break
    consumer.close()


{"produce": produce, "consume": consume}[sys.argv[1]](*sys.argv[2:])
