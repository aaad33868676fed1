import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Properties;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;

/**
 * The Java client beside acknowledged.py, with records of the same kind and the same environment:
 * `produce SERVER TOPIC PARTITIONS BEGUN END SEED`. Its batches are compressed. One of them is under way at a time: what a
 * broker cannot know any more this client sends again under another epoch, and so with more it may
 * make duplicates.
 */
public class Acknowledged {
    public static void main(String[] args) throws Exception {
        String topic = args[2];
        int partitions = Integer.parseInt(args[3]);
        Path begun = Path.of(args[4]);
        Path end = Path.of(args[5]);
        Random random = new Random(Long.parseUnsignedLong(args[6]));
        Properties properties = new Properties();
        String serializer = "org.apache.kafka.common.serialization.StringSerializer";
        properties.put("bootstrap.servers", args[1]);
        properties.put("key.serializer", serializer);
        properties.put("value.serializer", serializer);
        properties.put("acks", "all");
        properties.put("enable.idempotence", "true");
        properties.put("max.in.flight.requests.per.connection", "1");
        properties.put("compression.type", "lz4");
        properties.put("linger.ms", "2");
        properties.put("reconnect.backoff.max.ms", "200");
        properties.put("retry.backoff.max.ms", "200");
        properties.put("max.block.ms", "120000");
        properties.put("delivery.timeout.ms", environment("DELIVERY_TIMEOUT_MS", "120000"));
        properties.put("request.timeout.ms", environment("REQUEST_TIMEOUT_MS", "30000"));
        Queue<String> acknowledged = new ConcurrentLinkedQueue<>();
        Queue<Exception> failures = new ConcurrentLinkedQueue<>();
        int[] numbers = new int[partitions];
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(properties)) {
            while (!Files.exists(end)) {
                int partition = random.nextInt(partitions);
                for (int left = 1 + random.nextInt(20); left > 0; left--) {
                    int number = numbers[partition]++;
                    String value = value("java", number, 20 + random.nextInt(300));
                    var record = new ProducerRecord<String, String>(topic, partition, null, value);
                    producer.send(record, (at, failure) -> {
                        if (failure == null) {
                            String offset = at.hasOffset() ? Long.toString(at.offset()) : "-";
                            acknowledged.add(at.partition() + " " + offset + " java " + number);
                        } else {
                            failures.add(failure);
                        }
                    });
                }
                if (!acknowledged.isEmpty()) {
                    Files.writeString(begun, "");
                }
                Thread.sleep(10);
            }
        }
        for (Exception failure : failures) {
            System.err.println(failure);
        }
        acknowledged.forEach(System.out::println);
        System.exit(failures.isEmpty() ? 0 : 1);
    }

    private static String environment(String name, String otherwise) {
        return System.getenv().getOrDefault(name, otherwise);
    }

    private static String value(String producer, int number, int length) {
        String head = producer + " " + number + " " + length + " ";
        String repeated = head.repeat(length / head.length() + 1);
        return repeated.substring(0, Math.max(length, head.length()));
    }
}
