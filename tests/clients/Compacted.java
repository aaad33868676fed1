import java.time.Duration;
import java.util.*;
import java.util.concurrent.Future;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.serialization.*;

/**
 * A topic that is to be compacted. Arguments, done one after the other, with a line `==` behind what
 * each prints: `create=SERVER`, `fill=SERVER,SEED,HOURS` with records from that many hours ahead of
 * now on, `rest=SERVER` waits until most is compacted and has it stay so, and `tell=SERVER`: by
 * level and partition the last value and offset of each key, and who produces.
 */
public class Compacted {
    static final String TOPIC = "compacted";
    static final int PARTITIONS = 2;
    static final int STEPS = 300;
    /** Some of the segments hold a batch, others dozens. */
    static final long SEGMENT_MS = 20_000;
    static final long HOUR_MS = 3_600_000;
    static final List<TopicPartition> ALL =
        List.of(new TopicPartition(TOPIC, 0), new TopicPartition(TOPIC, 1));

    static Random random;
    /** The time of the records, by which segments are rolled. */
    static long clock;
    static int onlyOnce;

    public static void main(String[] args) throws Exception {
        for (String arg : args) {
            String[] words = arg.split("[=,]");
            switch (words[0]) {
                case "create" -> create(words[1]);
                case "fill" -> fill(words[1], Long.parseLong(words[2]), Long.parseLong(words[3]));
                case "rest" -> rest(words[1]);
                case "tell" -> tell(words[1]);
                default -> throw new IllegalArgumentException(arg);
            }
            System.out.println("==");
        }
    }

    static void create(String server) throws Exception {
        Map<String, String> configs = Map.of(
            "cleanup.policy", "compact",
            "segment.ms", Long.toString(SEGMENT_MS),
            "segment.bytes", "1048576",
            "min.cleanable.dirty.ratio", "0.01",
            "delete.retention.ms", "1",
            "message.timestamp.after.max.ms", Long.toString(Long.MAX_VALUE));
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", server))) {
            var topic = new NewTopic(TOPIC, PARTITIONS, (short) 1).configs(configs);
            admin.createTopics(List.of(topic)).all().get();
        }
    }

    /** Writes batches, in transactions if it has an id for them. */
    static class Writer {
        final KafkaProducer<String, String> producer;
        final String name;
        final boolean isTransactional;
        boolean isOpen;

        Writer(String server, String name, String compression, boolean isTransactional) {
            this.name = name;
            this.isTransactional = isTransactional;
            Properties properties = new Properties();
            properties.put("bootstrap.servers", server);
            properties.put("compression.type", compression);
            properties.put("enable.idempotence", "true");
            // What is sent between two flushes is one batch.
            properties.put("linger.ms", "60000");
            properties.put("batch.size", "200000");
            if (isTransactional) properties.put("transactional.id", name);
            producer = new KafkaProducer<>(properties, new StringSerializer(), new StringSerializer());
            if (isTransactional) producer.initTransactions();
        }

        void write() throws Exception {
            if (isTransactional && !isOpen) {
                producer.beginTransaction();
                isOpen = true;
            }
            int partition = random.nextInt(PARTITIONS);
            List<Future<RecordMetadata>> sent = new ArrayList<>();
            for (int left = 1 + random.nextInt(5); left > 0; left--) {
                String key = random.nextInt(10) == 0
                    ? "only-" + name + "-" + onlyOnce++ : "key-" + random.nextInt(40);
                String value = random.nextInt(6) == 0
                    ? null : name + "-" + clock + "-" + left + "-" + "x".repeat(random.nextInt(6000));
                sent.add(producer.send(new ProducerRecord<>(TOPIC, partition, clock, key, value)));
            }
            producer.flush();
            for (var one : sent) one.get();
            if (random.nextInt(3) == 0) end(random.nextInt(3) > 0);
        }

        void end(boolean commits) {
            if (!isOpen) return;
            if (commits) producer.commitTransaction(); else producer.abortTransaction();
            isOpen = false;
        }

        void close() {
            end(false);
            producer.close();
        }
    }

    static void fill(String server, long seed, long hours) throws Exception {
        random = new Random(seed);
        clock = System.currentTimeMillis() + hours * HOUR_MS;
        String[] codecs = {"none", "gzip", "lz4", "zstd", "snappy"};
        List<Writer> early = new ArrayList<>();
        early.add(new Writer(server, "early", "gzip", false));
        early.add(new Writer(server, "early-transactions", "none", true));
        List<Writer> writers = new ArrayList<>(early);
        for (int one = 0; one < 5; one++) {
            writers.add(new Writer(server, "writer-" + one, codecs[one], one % 2 == 0));
        }
        for (int step = 0; step < STEPS; step++) {
            if (step == STEPS / 3) {
                writers.removeAll(early);
                early.forEach(Writer::close);
            }
            clock += 1000;
            writers.get(random.nextInt(writers.size())).write();
        }
        for (Writer writer : writers) writer.end(random.nextBoolean());
        awaitMarkers(server);
        // In the active segment, which is not compacted.
        clock += HOUR_MS / 2;
        Writer idempotent = writers.get(1);
        for (var at : ALL) {
            var last = new ProducerRecord<>(TOPIC, at.partition(), clock, "active", "active-" + seed);
            idempotent.producer.send(last);
        }
        writers.forEach(Writer::close);
    }

    static void rest(String server) throws Exception {
        for (var at : ALL) {
            while (true) {
                try (var consumer = consumer(server, "read_uncommitted")) {
                    long end = consumer.endOffsets(List.of(at)).get(at);
                    if (read(consumer, at, end).size() < end / 2) break;
                }
            }
        }
        var topic = new ConfigResource(ConfigResource.Type.TOPIC, TOPIC);
        var never = new AlterConfigOp(
            new ConfigEntry("min.cleanable.dirty.ratio", "1"), AlterConfigOp.OpType.SET);
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", server))) {
            admin.incrementalAlterConfigs(Map.of(topic, List.of(never))).all().get();
        }
    }

    /** An end that a producer was told of is in the partitions a little later. */
    static void awaitMarkers(String server) throws Exception {
        try (var all = consumer(server, "read_uncommitted"); var stable = consumer(server, "read_committed")) {
            while (!all.endOffsets(ALL).equals(stable.endOffsets(ALL))) Thread.sleep(20);
        }
    }

    static KafkaConsumer<String, String> consumer(String server, String level) {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", server);
        properties.put("isolation.level", level);
        return new KafkaConsumer<>(properties, new StringDeserializer(), new StringDeserializer());
    }

    static void tell(String server) throws Exception {
        for (String level : List.of("read_committed", "read_uncommitted")) {
            for (var at : ALL) tellKeys(server, level, at);
        }
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", server))) {
            var described = admin.describeProducers(ALL).all().get();
            for (var at : ALL) {
                described.get(at).activeProducers().stream()
                    .sorted(Comparator.comparingLong(ProducerState::producerId))
                    .forEach(one -> System.out.println("producer " + at + " " + one));
            }
        }
    }

    static void tellKeys(String server, String level, TopicPartition at) {
        var keys = new TreeMap<String, String>();
        try (var consumer = consumer(server, level)) {
            long end = consumer.endOffsets(List.of(at)).get(at);
            for (var record : read(consumer, at, end)) {
                String value = record.value() == null ? "null" : record.value().split("x", 2)[0];
                keys.put(record.key(), value + " at " + record.offset());
            }
            System.out.println("end " + level + " " + at + " " + end);
        }
        keys.forEach((key, value) -> System.out.println(level + " " + at + " " + key + " " + value));
    }

    static List<ConsumerRecord<String, String>> read(
            KafkaConsumer<String, String> consumer, TopicPartition at, long end) {
        List<ConsumerRecord<String, String>> records = new ArrayList<>();
        consumer.assign(List.of(at));
        consumer.seekToBeginning(List.of(at));
        while (consumer.position(at) < end) {
            consumer.poll(Duration.ofMillis(200)).forEach(records::add);
        }
        return records;
    }
}
