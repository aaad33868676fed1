import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;

/**
 * A member of a group until there is a file END: `SERVER TOPIC END`. It fails if it is told of an
 * error, and if a record is left out.
 */
public class Consumed {
    public static void main(String[] args) throws Exception {
        Path end = Path.of(args[2]);
        Properties properties = new Properties();
        String deserializer = "org.apache.kafka.common.serialization.ByteArrayDeserializer";
        properties.put("bootstrap.servers", args[0]);
        properties.put("group.id", "java");
        properties.put("auto.offset.reset", "earliest");
        properties.put("key.deserializer", deserializer);
        properties.put("value.deserializer", deserializer);
        Map<Integer, Long> nextOffsets = new HashMap<>();
        long count = 0;
        try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(properties)) {
            consumer.subscribe(List.of(args[1]));
            while (!Files.exists(end)) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(100))) {
                    long expected = nextOffsets.getOrDefault(record.partition(), 0L);
                    if (record.offset() > expected) {
                        System.err.println("after " + expected + " came " + record);
                        System.exit(1);
                    }
                    nextOffsets.put(record.partition(), record.offset() + 1);
                    count++;
                }
            }
        }
        System.err.println("Java consumed " + count);
        System.exit(count > 0 ? 0 : 1);
    }
}
