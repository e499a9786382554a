// com.azure:azure-messaging-servicebus
import com.azure.messaging.servicebus.ServiceBusClientBuilder;
import com.azure.messaging.servicebus.ServiceBusMessage;
import java.util.UUID;

public class Publish {
  public static void main(String[] args) {
    var id = UUID.randomUUID().toString();
    var data = "{\"service\":\"checkout\",\"good\":998,\"total\":1000}";
    var check = """
        {"specversion":"1.0","id":"%s","source":"/probes/checkout","type":"HealthCheck","data":%s}"""
        .formatted(id, data);
    var client = new ServiceBusClientBuilder().connectionString(System.getenv("SERVICE_BUS")).sender();
    try (var sender = client.topicName("health-check").buildClient()) {
      sender.sendMessage(
          new ServiceBusMessage(check).setMessageId(id).setContentType("application/cloudevents+json"));
    }
  }
}
