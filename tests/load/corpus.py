"""A real corpus through a broker and out of a group of three, one of which goes away midway.

`corpus.py SERVER COMPRESSION MEGABYTES close|kill`: the files under /usr/share and /usr/lib, in
blocks, keyed by path. At the end every partition is dense and every file byte-identical and in
order. A member that leaves by close() causes no duplicate; one that is killed only duplicates
after its last commit. Ends with one line of what was moved.

`corpus.py member SERVER TOPIC LIMIT close|kill`: one member. It prints `r PARTITION OFFSET KEY
DIGEST` for each record and `c PARTITION OFFSET` for each commit that succeeded; after LIMIT
records it leaves.
"""

import hashlib
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

BLOCK = 16 * 1024
PARTITIONS = 6
NEVER = 1 << 60


def digest(data):
    return hashlib.blake2b(data, digest_size=12).hexdigest()


def files(limit):
    """Regular files in a fixed order until `limit` bytes are named."""
    total = 0
    for root in ("/usr/share", "/usr/lib"):
        for directory, names, entries in os.walk(root):
            names.sort()
            for name in sorted(entries):
                path = pathlib.Path(directory, name)
                if path.is_symlink() or not path.is_file() or not os.access(path, os.R_OK):
                    continue
                total += path.stat().st_size
                yield path
                if total >= limit:
                    return
    sys.exit(f"this machine has only {total} bytes under /usr/share and /usr/lib")


def produce(server, topic, compression, limit):
    """Sends the corpus; what was sent, as digests in order by key, and the bytes of it."""
    failures = []
    producer = Producer(
        {
            "bootstrap.servers": server,
            "enable.idempotence": True,
            "compression.type": compression,
            "linger.ms": 20,
        }
    )

    def delivered(error, _message):
        if error is not None:
            failures.append(str(error))

    sent, size = {}, 0
    for path in files(limit):
        key = digest(str(path).encode())
        blocks = sent.setdefault(key, [])
        with open(path, "rb") as file:
            while block := file.read(BLOCK):
                while True:
                    try:
                        producer.produce(topic, block, key, on_delivery=delivered)
                        break
                    except BufferError:
                        producer.poll(0.1)
                blocks.append(digest(block))
                size += len(block)
        producer.poll(0)
    left = producer.flush(300)
    if left or failures:
        sys.exit(f"{left} undelivered, {failures[:3]}")
    return sent, size


def member(server, topic, limit, way):
    position = {}
    formed = threading.Event()

    def say(kind, *fields):
        print(kind, *fields, flush=kind == "c")

    def commit(consumer):
        offsets = [TopicPartition(topic, p, o) for p, o in position.items()]
        if not offsets:
            return
        try:
            done = consumer.commit(offsets=offsets, asynchronous=False)
        except KafkaException as error:
            # A rebalance fences a commit; what it covered is read again by its new owner.
            print("commit refused:", error, file=sys.stderr)
            return
        for one in done:
            say("c", one.partition, one.offset)

    def assigned(consumer, partitions):
        # Nobody reads until all three are there: the first would be done before the last came.
        if len(partitions) * 3 == PARTITIONS:
            formed.set()
        consumer.assign(partitions)
        if formed.is_set():
            # A pause outlives the assignment that it was made in.
            consumer.resume(partitions)
        else:
            consumer.pause(partitions)

    def revoked(consumer, _partitions):
        commit(consumer)
        position.clear()

    consumer = Consumer(
        {
            "bootstrap.servers": server,
            "group.id": topic,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "session.timeout.ms": 6000,
        }
    )
    consumer.subscribe([topic], on_assign=assigned, on_revoke=revoked)
    stop = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), stop.set()), daemon=True).start()
    count = 0
    while not stop.is_set() and count < limit:
        for message in consumer.consume(200, 0.5):
            if message.error():
                if message.error().code() == KafkaError._PARTITION_EOF:
                    continue
                sys.exit(str(message.error()))
            key, value = message.key().decode(), digest(message.value())
            say("r", message.partition(), message.offset(), key, value)
            position[message.partition()] = message.offset() + 1
            count += 1
        sys.stdout.flush()
        if way == "kill" and count >= limit:
            os.kill(os.getpid(), signal.SIGKILL)
        commit(consumer)
    consumer.close()
    sys.stdout.flush()


def consume(server, topic, total, way):
    """Runs the members until every record was read; what each of them printed."""
    said = [[], [], []]
    seen = set()
    limits = [max(total // 10, 1), NEVER, NEVER]

    def listen(process, lines):
        for line in process.stdout:
            fields = line.split()
            lines.append(fields)
            if fields and fields[0] == "r":
                seen.add((fields[1], fields[2]))

    processes, listeners = [], []
    for lines, limit in zip(said, limits):
        process = subprocess.Popen(
            [sys.executable, __file__, "member", server, topic, str(limit), way],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        listener = threading.Thread(target=listen, args=(process, lines))
        listener.start()
        processes.append(process)
        listeners.append(listener)
    deadline = time.monotonic() + 240
    while len(seen) < total and time.monotonic() < deadline:
        time.sleep(0.1)
    first = processes[0].poll()
    for process in processes:
        process.stdin.close()
    for process, listener in zip(processes, listeners):
        process.wait(60)
        listener.join()
    if len(seen) < total:
        sys.exit(f"{len(seen)} of {total} records were read")
    if first is None:
        sys.exit("no member went away before the end")
    return said


def check(said, sent, way):
    """No gap, no change, no wrong order; duplicates only where a killed member left them."""
    records, readers, duplicates = {}, {}, 0
    for number, lines in enumerate(said):
        last = {}
        for fields in lines:
            if fields[0] != "r" or len(fields) != 5:
                continue
            partition, offset = int(fields[1]), int(fields[2])
            if offset in last.get(partition, set()):
                sys.exit(f"member {number} read {partition}@{offset} twice")
            last.setdefault(partition, set()).add(offset)
            value = (fields[3], fields[4])
            known = records.setdefault((partition, offset), value)
            if known != value:
                sys.exit(f"{partition}@{offset} was read with two contents")
            readers.setdefault((partition, offset), []).append(number)
    for place, numbers in readers.items():
        if len(numbers) == 1:
            continue
        duplicates += 1
        committed = 0
        for fields in said[0]:
            if fields[0] == "c" and int(fields[1]) == place[0]:
                committed = max(committed, int(fields[2]))
        if way == "close" or 0 not in numbers or place[1] < committed:
            sys.exit(f"{place} was read by the members {numbers}; the first committed {committed}")
    received = {}
    for partition in range(PARTITIONS):
        offsets = sorted(offset for p, offset in records if p == partition)
        if offsets != list(range(len(offsets))):
            sys.exit(f"the offsets of partition {partition} have gaps")
        for offset in offsets:
            key, value = records[(partition, offset)]
            received.setdefault(key, []).append(value)
    if received != {key: blocks for key, blocks in sent.items() if blocks}:
        sys.exit("what was read is not what was sent")
    return duplicates


def main(server, compression, megabytes, way):
    topic = f"corpus-{compression}-{way}"
    admin = AdminClient({"bootstrap.servers": server})
    admin.create_topics([NewTopic(topic, PARTITIONS, 1)])[topic].result()
    begin = time.monotonic()
    sent, size = produce(server, topic, compression, int(megabytes) << 20)
    middle = time.monotonic()
    total = sum(len(blocks) for blocks in sent.values())
    said = consume(server, topic, total, way)
    end = time.monotonic()
    duplicates = check(said, sent, way)
    print(
        f"{compression}, {way}: {len(sent)} files, {total} records, {size >> 20} MiB;"
        f" sent in {middle - begin:.1f} s, read in {end - middle:.1f} s,"
        f" {duplicates} read twice"
    )


if sys.argv[1] == "member":
    member(sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5])
else:
    main(*sys.argv[1:])
