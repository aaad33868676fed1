import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.IntNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.PrintWriter;
import java.lang.reflect.Method;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.Map;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.ObjectSerializationCache;

/**
 * Reads messages with Apache Kafka's own classes and writes them again.
 *
 * <p>Arguments: a file of questions and the file for the answers, a line each. {@code NAME VERSION
 * HEX} is answered by the number of bytes left over, the bytes written again in hex, and the JSON of
 * Kafka's converter with the length of every byte sequence in its place; {@code NAME default STRUCT}
 * by the text of a new object of that class; both by {@code error} and why.
 */
public final class Recode {
    private static final String[] PACKAGES = {
        "org.apache.kafka.common.message.",
        "org.apache.kafka.common.metadata.",
        "org.apache.kafka.coordinator.group.generated.",
        "org.apache.kafka.coordinator.share.generated.",
        "org.apache.kafka.coordinator.transaction.generated.",
        "org.apache.kafka.raft.generated.",
        "org.apache.kafka.server.log.remote.metadata.storage.generated.",
        "org.apache.kafka.storage.internals.log.generated.",
        "org.apache.kafka.storage.internals.generated.",
        "org.apache.kafka.server.log.generated.",
        "org.apache.kafka.storage.generated.",
    };

    private static final Map<String, Class<?>> CLASSES = new HashMap<>();

    public static void main(String[] arguments) throws Exception {
        try (BufferedReader in = Files.newBufferedReader(Path.of(arguments[0]));
                PrintWriter out = new PrintWriter(Files.newBufferedWriter(Path.of(arguments[1])))) {
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                String[] words = line.split(" ", -1);
                try {
                    Class<?> type = CLASSES.computeIfAbsent(words[0], Recode::find);
                    if (words[1].equals("default")) {
                        out.println(defaults(type, words[0].equals(words[2]) ? null : words[2]));
                    } else {
                        out.println(recode(type, Short.parseShort(words[1]), words[2]));
                    }
                } catch (ReflectiveOperationException | RuntimeException error) {
                    Throwable cause = error.getCause() == null ? error : error.getCause();
                    out.println("error " + cause);
                }
            }
        }
    }

    private static String defaults(Class<?> message, String struct)
            throws ReflectiveOperationException {
        Class<?> type =
                struct == null ? message : Class.forName(message.getName() + "$" + struct);
        String text = type.getDeclaredConstructor().newInstance().toString();
        // Some byte sequences are buffers, which print their position and limit.
        return text.replaceAll("java\\.nio\\.HeapByteBuffer\\[[^]]*]", "[]");
    }

    private static String recode(Class<?> type, short version, String hex)
            throws ReflectiveOperationException {
        Message message = (Message) type.getDeclaredConstructor().newInstance();
        ByteBuffer in = ByteBuffer.wrap(HexFormat.of().parseHex(hex));
        message.read(new ByteBufferAccessor(in), version);
        ObjectSerializationCache cache = new ObjectSerializationCache();
        ByteBuffer out = ByteBuffer.allocate(message.size(cache, version));
        message.write(new ByteBufferAccessor(out), cache, version);
        byte[] written = new byte[out.position()];
        out.flip().get(written);
        Class<?> converter = Class.forName(type.getName() + "JsonConverter");
        Method write = converter.getMethod("write", type, short.class);
        JsonNode json = withLengths((JsonNode) write.invoke(null, message, version));
        return in.remaining() + " " + HexFormat.of().formatHex(written) + " " + json;
    }

    private static Class<?> find(String name) {
        for (String folder : PACKAGES) {
            for (String ending : new String[] {"Data", ""}) {
                try {
                    Class<?> type = Class.forName(folder + name + ending);
                    if (Message.class.isAssignableFrom(type)) {
                        return type;
                    }
                } catch (ClassNotFoundException absent) {
                    continue;
                }
            }
        }
        throw new IllegalArgumentException("no class for " + name);
    }

    private static JsonNode withLengths(JsonNode node) throws ReflectiveOperationException {
        try {
            if (node.isBinary()) {
                return new IntNode(node.binaryValue().length);
            }
        } catch (java.io.IOException impossible) {
            throw new IllegalStateException(impossible);
        }
        if (node instanceof ArrayNode array) {
            for (int index = 0; index < array.size(); index++) {
                array.set(index, withLengths(array.get(index)));
            }
        } else if (node instanceof ObjectNode object) {
            for (Iterator<String> names = object.fieldNames(); names.hasNext(); ) {
                String name = names.next();
                object.replace(name, withLengths(object.get(name)));
            }
        }
        return node;
    }
}
