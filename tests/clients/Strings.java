import java.time.Duration;
import java.util.List;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;

/** The Java client with string serializers: `produce SERVER TOPIC`, `consume SERVER TOPIC COUNT`. */
public class Strings {
    public static void main(String[] args) throws Exception {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", args[1]);
        if (args[0].equals("produce")) {
            produce(properties, args[2]);
        } else {
            consume(properties, args[2], Long.parseLong(args[3]));
        }
    }

    private static void produce(Properties properties, String topic) throws Exception {
        String serializer = "org.apache.kafka.common.serialization.StringSerializer";
        properties.put("key.serializer", serializer);
        properties.put("value.serializer", serializer);
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(properties)) {
            for (int number = 0; number < 10; number++) {
                String key = Integer.toString(number);
                producer.send(new ProducerRecord<>(topic, key, "message " + number)).get();
            }
        }
    }

    private static void consume(Properties properties, String topic, long count) {
        String deserializer = "org.apache.kafka.common.serialization.StringDeserializer";
        properties.put("key.deserializer", deserializer);
        properties.put("value.deserializer", deserializer);
        properties.put("group.id", "group1");
        properties.put("auto.offset.reset", "earliest");
        try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(properties)) {
            consumer.subscribe(List.of(topic));
            for (long next = 0; next < count; ) {
                for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofSeconds(1))) {
                    System.out.println(record.partition() + " " + record.offset() + " "
                            + record.key() + " " + record.value());
                    next = record.offset() + 1;
                }
            }
        }
    }
}
