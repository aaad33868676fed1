import java.util.Properties;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;

/**
 * Produces to each partition in turn, a record every few milliseconds, as the client does by default:
 * idempotent, acknowledged by all replicas. `SERVERS TOPIC PARTITIONS`. It prints a line for each
 * acknowledgement that comes later than others of its partition did:
 * `PARTITION WHEN_THE_ONE_BEFORE_CAME HOW_LONG_AGO`, in milliseconds since 1970, and `ready` when each
 * partition has acknowledged something. It goes on until its standard input ends.
 */
public class Pauses {
    /** Shorter times between two acknowledgements are not told. */
    private static final long TOLD_MS = 10;

    public static void main(String[] args) throws Exception {
        int partitions = Integer.parseInt(args[2]);
        Properties properties = new Properties();
        String serializer = "org.apache.kafka.common.serialization.ByteArraySerializer";
        properties.put("bootstrap.servers", args[0]);
        properties.put("key.serializer", serializer);
        properties.put("value.serializer", serializer);
        // What is not sent while a leader is missing is what the next one has to take.
        properties.put("max.block.ms", "600000");
        double[] heardAt = new double[partitions];
        int[] heard = new int[1];
        double begun = System.currentTimeMillis() - System.nanoTime() / 1e6;
        byte[] value = new byte[100];
        try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(properties)) {
            for (int partition = 0; System.in.available() == 0; partition++) {
                var record = new ProducerRecord<byte[], byte[]>(
                    args[1], partition % partitions, null, value);
                producer.send(record, (at, failure) -> {
                    if (failure != null) {
                        System.out.println("failed " + failure);
                        return;
                    }
                    double now = begun + System.nanoTime() / 1e6;
                    double before = heardAt[at.partition()];
                    heardAt[at.partition()] = now;
                    if (before == 0) {
                        if (++heard[0] == partitions) {
                            System.out.println("ready");
                        }
                    } else if (now - before >= TOLD_MS) {
                        System.out.printf("%d %.1f %.1f%n", at.partition(), before, now - before);
                    }
                });
                TimeUnit.MICROSECONDS.sleep(1000);
            }
        }
    }
}
