import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Random;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.TimeoutException;

/**
 * `produce SERVER TOPIC PARTITIONS BEGUN END SEED`: two transactional producers, each of which
 * commits two transactions of three and aborts the others, until there is a file END; then
 * `PARTITION OFFSET PRODUCER NUMBER` of each record that was committed. It makes a file BEGUN when
 * each producer has done both.
 * `read SERVER TOPIC PARTITIONS LEVEL`: the same of all that a reader of this isolation level finds.
 * `leave SERVER TOPIC ID`: a transaction that is neither committed nor aborted, with one record.
 */
public class Transactions {
    private static final int PRODUCERS = 2;

    public static void main(String[] args) throws Exception {
        switch (args[0]) {
            case "produce" -> produceAll(args);
            case "read" -> read(args[1], args[2], Integer.parseInt(args[3]), args[4]);
            default -> leave(args[1], args[2], args[3]);
        }
    }

    private static void produceAll(String[] args) throws Exception {
        List<Thread> threads = new ArrayList<>();
        List<Producer> producers = new ArrayList<>();
        for (int index = 0; index < PRODUCERS; index++) {
            Producer producer = new Producer(args, "transactional-" + index, index);
            producers.add(producer);
            threads.add(new Thread(producer));
        }
        threads.forEach(Thread::start);
        while (!producers.stream().allMatch(one -> one.hasBegun || one.failure != null)) {
            Thread.sleep(10);
        }
        Files.writeString(Path.of(args[4]), "");
        for (Thread thread : threads) {
            thread.join();
        }
        for (Producer producer : producers) {
            System.err.println(producer.name + ": " + producer.commits + " commits, "
                    + producer.aborts + " aborts, " + producer.forced + " of them forced");
            producer.committed.forEach(System.out::println);
            if (producer.failure != null) {
                producer.failure.printStackTrace();
                System.exit(1);
            }
        }
    }

    private static KafkaProducer<String, String> producer(String server, String id) {
        Properties properties = new Properties();
        String serializer = "org.apache.kafka.common.serialization.StringSerializer";
        properties.put("bootstrap.servers", server);
        properties.put("key.serializer", serializer);
        properties.put("value.serializer", serializer);
        properties.put("transactional.id", id);
        properties.put("reconnect.backoff.max.ms", "200");
        properties.put("retry.backoff.max.ms", "200");
        properties.put("max.block.ms", "120000");
        properties.put("delivery.timeout.ms", "120000");
        properties.put("transaction.timeout.ms", "120000");
        KafkaProducer<String, String> producer = new KafkaProducer<>(properties);
        producer.initTransactions();
        return producer;
    }

    private static class Producer implements Runnable {
        final List<String> committed = new ArrayList<>();
        final String name;
        int commits;
        int aborts;
        int forced;
        volatile boolean hasBegun;
        volatile Exception failure;
        private final String server;
        private final String topic;
        private final int[] numbers;
        private final Path end;
        private final Random random;

        Producer(String[] args, String name, int index) {
            this.name = name;
            server = args[1];
            topic = args[2];
            numbers = new int[Integer.parseInt(args[3])];
            end = Path.of(args[5]);
            random = new Random(Long.parseUnsignedLong(args[6]) + index);
        }

        @Override
        public void run() {
            try (KafkaProducer<String, String> producer = producer(server, name)) {
                while (!Files.exists(end)) {
                    transact(producer);
                    hasBegun = commits > 0 && aborts > 0;
                    Thread.sleep(random.nextInt(20));
                }
            } catch (Exception told) {
                failure = told;
            }
        }

        private void transact(KafkaProducer<String, String> producer) throws Exception {
            boolean commits = random.nextInt(3) > 0;
            List<Future<RecordMetadata>> sent = new ArrayList<>();
            List<Integer> sentNumbers = new ArrayList<>();
            producer.beginTransaction();
            try {
                for (int left = 1 + random.nextInt(12); left > 0; left--) {
                    int partition = random.nextInt(numbers.length);
                    int number = numbers[partition]++;
                    String value = value(name, number, 20 + random.nextInt(300));
                    sent.add(producer.send(new ProducerRecord<>(topic, partition, null, value)));
                    sentNumbers.add(number);
                }
                producer.flush();
                for (Future<RecordMetadata> one : sent) {
                    one.get();
                }
            } catch (KafkaException | java.util.concurrent.ExecutionException told) {
                System.err.println(name + " gives a transaction up: " + told);
                commits = false;
                forced++;
            }
            if (!commits) {
                patiently(producer::abortTransaction);
                aborts++;
                return;
            }
            patiently(producer::commitTransaction);
            this.commits++;
            for (int index = 0; index < sent.size(); index++) {
                RecordMetadata at = sent.get(index).get();
                committed.add(at.partition() + " " + at.offset() + " " + name + " "
                        + sentNumbers.get(index));
            }
        }

        /** What takes too long is asked for again: the client goes on with it. */
        private static void patiently(Runnable ends) {
            for (int left = 3; ; left--) {
                try {
                    ends.run();
                    return;
                } catch (TimeoutException told) {
                    if (left == 0) {
                        throw told;
                    }
                }
            }
        }
    }

    private static void read(String server, String topic, int partitions, String level) {
        Properties properties = new Properties();
        String deserializer = "org.apache.kafka.common.serialization.StringDeserializer";
        properties.put("bootstrap.servers", server);
        properties.put("isolation.level", level);
        properties.put("key.deserializer", deserializer);
        properties.put("value.deserializer", deserializer);
        List<TopicPartition> all = IntStream.range(0, partitions)
                .mapToObj(partition -> new TopicPartition(topic, partition)).toList();
        try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(properties)) {
            consumer.assign(all);
            consumer.seekToBeginning(all);
            Map<TopicPartition, Long> ends = consumer.endOffsets(all);
            while (!all.stream().allMatch(one -> consumer.position(one) >= ends.get(one))) {
                for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(100))) {
                    String[] words = record.value().split(" ", 3);
                    System.out.println(record.partition() + " " + record.offset() + " "
                            + words[0] + " " + words[1]);
                }
            }
        }
    }

    private static void leave(String server, String topic, String id) throws Exception {
        KafkaProducer<String, String> producer = producer(server, id);
        producer.beginTransaction();
        String value = value(id, 0, 20);
        RecordMetadata at = producer.send(new ProducerRecord<>(topic, 0, null, value)).get();
        System.out.println(at.offset());
        System.out.flush();
        // A producer that is closed aborts what is open.
        Runtime.getRuntime().halt(0);
    }

    private static String value(String producer, int number, int length) {
        String head = producer + " " + number + " " + length + " ";
        String repeated = head.repeat(length / head.length() + 1);
        return repeated.substring(0, Math.max(length, head.length()));
    }
}
