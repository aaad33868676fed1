import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.acl.*;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.quota.*;
import org.apache.kafka.common.resource.*;
import org.apache.kafka.common.serialization.*;

/** What a cluster holds: fills it, tells it, adds to it. Arguments: MODE BOOTSTRAP. */
public class Directory {
    static final List<String> GROUPS =
        List.of("g-classic", "g-consumer", "g-left", "g-transactions", "g-share");
    static String bootstrap;
    static Admin admin;

    public static void main(String[] args) throws Exception {
        bootstrap = args[1];
        admin = Admin.create(Map.of("bootstrap.servers", bootstrap));
        switch (args[0]) {
            case "fill" -> fill();
            case "tell" -> tell();
            case "little" -> little();
            case "more" -> more();
            case "transact" -> transact("again", 100, 105);
            case "open" -> open();
            default -> throw new IllegalArgumentException(args[0]);
        }
        System.out.flush();
        // Members that are still there do not leave their groups.
        Runtime.getRuntime().halt(0);
    }

    static Properties properties(String... pairs) {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", bootstrap);
        for (int at = 0; at < pairs.length; at += 2) properties.put(pairs[at], pairs[at + 1]);
        return properties;
    }

    static KafkaProducer<String, String> producer(String... pairs) {
        return new KafkaProducer<>(properties(pairs), new StringSerializer(), new StringSerializer());
    }

    static KafkaConsumer<String, String> consumer(String... pairs) {
        return new KafkaConsumer<>(properties(pairs), new StringDeserializer(), new StringDeserializer());
    }

    static void create(String name, String... configs) throws Exception {
        Map<String, String> map = new HashMap<>();
        for (int at = 0; at < configs.length; at += 2) map.put(configs[at], configs[at + 1]);
        admin.createTopics(List.of(new NewTopic(name, 2, (short) 1).configs(map))).all().get();
    }

    static void send(String topic, String compression, int from, int to) throws Exception {
        try (var producer = producer("compression.type", compression, "linger.ms", "5")) {
            for (int number = from; number < to; number++) {
                var record = new ProducerRecord<>(topic, number % 2, 1_700_000_000_000L + number,
                    "key-" + number % 50, topic + "-" + number + "-" + "x".repeat(number % 100));
                record.headers().add("number", Integer.toString(number).getBytes());
                producer.send(record);
            }
            producer.flush();
        }
    }

    static void transact(String name, int from, int to) throws Exception {
        try (var producer = producer("transactional.id", "transfers")) {
            producer.initTransactions();
            for (int number = from; number < to; number++) {
                boolean isAborted = number % 3 == 0;
                producer.beginTransaction();
                for (int record = 0; record < 4; record++) {
                    producer.send(new ProducerRecord<>("transactions", record % 2, name + number,
                        isAborted ? "aborted" : "committed"));
                }
                var offsets = Map.of(new TopicPartition("none", 0), new OffsetAndMetadata(number, name));
                producer.sendOffsetsToTransaction(offsets, new ConsumerGroupMetadata("g-transactions"));
                if (isAborted) producer.abortTransaction(); else producer.commitTransaction();
            }
        }
    }

    /** Leave a transaction open. */
    static void open() throws Exception {
        var producer = producer("transactional.id", "left-open");
        producer.initTransactions();
        producer.beginTransaction();
        producer.send(new ProducerRecord<>("transactions", 0, "open", "open")).get();
    }

    /** Read some of `none` in a group; the consumer stays in it if it is returned. */
    static KafkaConsumer<String, String> read(String group, String protocol) {
        var consumer = consumer("group.id", group, "group.protocol", protocol,
            "auto.offset.reset", "earliest", "max.poll.records", "100");
        consumer.subscribe(List.of("none"));
        int found = 0;
        while (found < 100) found += consumer.poll(Duration.ofMillis(200)).count();
        consumer.commitSync();
        return consumer;
    }

    static void fill() throws Exception {
        for (String compression : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
            create(compression, "retention.ms", "-1", "segment.bytes", "1048576");
            send(compression, compression, 0, 2000);
        }
        create("compacted", "cleanup.policy", "compact", "retention.ms", "-1");
        send("compacted", "none", 0, 500);
        create("transactions", "retention.ms", "-1");
        transact("first", 0, 11);
        create("deleted");
        admin.deleteTopics(List.of("deleted")).all().get();
        admin.deleteRecords(Map.of(new TopicPartition("gzip", 0), RecordsToDelete.beforeOffset(300)))
            .all().get();
        read("g-classic", "classic").close();
        read("g-consumer", "consumer").close();
        read("g-left", "consumer");
        var group = new ConfigResource(ConfigResource.Type.GROUP, "g-share");
        var earliest = new AlterConfigOp(
            new ConfigEntry("share.auto.offset.reset", "earliest"), AlterConfigOp.OpType.SET);
        admin.incrementalAlterConfigs(Map.of(group, List.of(earliest))).all().get();
        try (var share = new KafkaShareConsumer<>(properties("group.id", "g-share"),
                new StringDeserializer(), new StringDeserializer())) {
            share.subscribe(List.of("none"));
            while (share.poll(Duration.ofMillis(200)).isEmpty()) { }
        }
        admin.createAcls(List.of(new AclBinding(
            new ResourcePattern(ResourceType.TOPIC, "none", PatternType.LITERAL),
            new AccessControlEntry("User:alice", "*", AclOperation.READ, AclPermissionType.ALLOW)))).all().get();
        admin.alterUserScramCredentials(List.of(new UserScramCredentialUpsertion(
            "alice", new ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, 4096), "secret"))).all().get();
        admin.alterClientQuotas(List.of(new ClientQuotaAlteration(
            new ClientQuotaEntity(Map.of("user", "alice")),
            List.of(new ClientQuotaAlteration.Op("producer_byte_rate", 1e9))))).all().get();
    }

    /** A topic with records, and one with transactions that have ended. */
    static void little() throws Exception {
        create("none");
        send("none", "none", 0, 100);
        create("transactions");
        transact("first", 0, 4);
    }

    /** Idempotent producers go on behind what is there, and a group goes on where it was. */
    static void more() throws Exception {
        for (String compression : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
            send(compression, compression, 2000, 2500);
        }
        create("new");
        send("new", "none", 0, 100);
        read("g-classic", "classic").close();
        read("g-left", "classic").close();
    }

    static void tell() throws Exception {
        var names = new TreeSet<>(admin.listTopics().names().get());
        var described = new TreeMap<>(admin.describeTopics(names).allTopicNames().get());
        for (var topic : described.values()) {
            System.out.println("topic " + topic.name() + " " + topic.topicId() + " "
                + topic.partitions().stream().map(one -> one.partition() + ":" + one.replicas().size()).toList());
            var resource = new ConfigResource(ConfigResource.Type.TOPIC, topic.name());
            var configs = new TreeSet<String>();
            for (var entry : admin.describeConfigs(List.of(resource)).all().get().get(resource).entries()) {
                if (entry.source() == ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG) {
                    configs.add(entry.name() + "=" + entry.value());
                }
            }
            System.out.println("configs " + topic.name() + " " + configs);
        }
        for (String isolation : List.of("read_committed", "read_uncommitted")) {
            for (var topic : described.values()) {
                for (var partition : topic.partitions()) {
                    tellRecords(isolation, new TopicPartition(topic.name(), partition.partition()));
                }
            }
        }
        for (String group : GROUPS) {
            var offsets = admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get();
            var sorted = new TreeMap<String, OffsetAndMetadata>();
            offsets.forEach((at, offset) -> sorted.put(at.toString(), offset));
            System.out.println("group " + group + " " + sorted);
        }
        var acls = new TreeSet<String>();
        admin.describeAcls(AclBindingFilter.ANY).values().get().forEach(acl -> acls.add(acl.toString()));
        System.out.println("acls " + acls);
    }

    static void tellRecords(String isolation, TopicPartition at) {
        try (var consumer = consumer("isolation.level", isolation, "enable.auto.commit", "false")) {
            var end = consumer.endOffsets(List.of(at)).get(at);
            var begin = consumer.beginningOffsets(List.of(at)).get(at);
            if (!at.topic().startsWith("__")) {
                System.out.println("offsets " + isolation + " " + at + " " + begin + " to " + end);
            }
            if (at.topic().startsWith("__")) return;
            consumer.assign(List.of(at));
            consumer.seekToBeginning(List.of(at));
            while (consumer.position(at) < end) {
                for (var record : consumer.poll(Duration.ofMillis(200))) {
                    var headers = new ArrayList<String>();
                    for (Header header : record.headers()) {
                        headers.add(header.key() + "=" + new String(header.value()));
                    }
                    System.out.println("record " + isolation + " " + at + " " + record.offset() + " "
                        + record.timestamp() + " " + record.leaderEpoch() + " " + record.key() + " "
                        + record.value() + " " + headers);
                }
            }
        }
    }
}
