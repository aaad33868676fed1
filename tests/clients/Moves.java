import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.DescribeReplicaLogDirsResult.ReplicaLogDirInfo;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.TopicPartitionReplica;

/**
 * Moves a replica to and fro between the log directories while a producer writes to it:
 * `SERVER TOPIC BROKER MOVES DIRECTORY DIRECTORY`. Then every record is read, once and in order.
 */
public class Moves {
    public static void main(String[] args) throws Exception {
        String topic = args[1];
        TopicPartitionReplica replica =
                new TopicPartitionReplica(topic, 0, Integer.parseInt(args[2]));
        AtomicBoolean isOver = new AtomicBoolean();
        AtomicLong sent = new AtomicLong();
        AtomicReference<Exception> failure = new AtomicReference<>();
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", args[0]))) {
            admin.createTopics(List.of(new NewTopic(topic, 1, (short) 1))).all().get();
            Thread producer = new Thread(() -> produce(args[0], topic, isOver, sent, failure));
            producer.start();
            await(() -> sent.get() > 1000);
            for (int move = 0; move < Integer.parseInt(args[3]); move++) {
                String from = info(admin, replica).getCurrentReplicaLogDir();
                String to = from.equals(args[4]) ? args[5] : args[4];
                long before = sent.get();
                admin.alterReplicaLogDirs(Map.of(replica, to)).all().get();
                await(() -> {
                    ReplicaLogDirInfo info = info(admin, replica);
                    return to.equals(info.getCurrentReplicaLogDir())
                            && info.getFutureReplicaLogDir() == null;
                });
                await(() -> sent.get() > before + 100);
                System.out.println("move " + move + ": done, the producer went on");
            }
            isOver.set(true);
            producer.join();
        }
        System.out.println("failure: " + failure.get());
        System.out.println(consume(args[0], topic, sent.get()));
    }

    private static ReplicaLogDirInfo info(Admin admin, TopicPartitionReplica replica)
            throws Exception {
        return admin.describeReplicaLogDirs(List.of(replica)).values().get(replica).get();
    }

    private interface Condition {
        boolean holds() throws Exception;
    }

    private static void await(Condition condition) throws Exception {
        long end = System.nanoTime() + Duration.ofSeconds(60).toNanos();
        while (!condition.holds()) {
            if (System.nanoTime() > end) {
                throw new IllegalStateException("it did not happen in a minute");
            }
            Thread.sleep(5);
        }
    }

    private static void produce(String server, String topic, AtomicBoolean isOver,
            AtomicLong sent, AtomicReference<Exception> failure) {
        String serializer = "org.apache.kafka.common.serialization.StringSerializer";
        Properties properties = new Properties();
        properties.put("bootstrap.servers", server);
        properties.put("key.serializer", serializer);
        properties.put("value.serializer", serializer);
        properties.put("retries", "0");
        properties.put("enable.idempotence", "false");
        properties.put("acks", "all");
        properties.put("max.in.flight.requests.per.connection", "5");
        properties.put("linger.ms", "0");
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(properties)) {
            for (long next = 0; !isOver.get() && failure.get() == null; next++) {
                String value = "record " + next + " " + "x".repeat((int) (next % 300));
                producer.send(new ProducerRecord<>(topic, value), (metadata, exception) -> {
                    if (exception == null) {
                        sent.incrementAndGet();
                    } else {
                        failure.compareAndSet(null, exception);
                    }
                });
                if (next % 20 == 0) {
                    Thread.sleep(1);
                }
            }
        } catch (Exception exception) {
            failure.compareAndSet(null, exception);
        }
    }

    private static String consume(String server, String topic, long count) {
        String deserializer = "org.apache.kafka.common.serialization.StringDeserializer";
        Properties properties = new Properties();
        properties.put("bootstrap.servers", server);
        properties.put("key.deserializer", deserializer);
        properties.put("value.deserializer", deserializer);
        properties.put("auto.offset.reset", "earliest");
        TopicPartition partition = new TopicPartition(topic, 0);
        long next = 0;
        try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(properties)) {
            consumer.assign(List.of(partition));
            long end = consumer.endOffsets(List.of(partition)).get(partition);
            while (next < end) {
                for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofSeconds(1))) {
                    if (record.offset() != next
                            || !record.value().startsWith("record " + next + " ")) {
                        return "at offset " + record.offset() + ": " + record.value();
                    }
                    next++;
                }
            }
        }
        return next == count ? "every record once and in order" : next + " of " + count;
    }
}
