"""pip install azure-servicebus"""
import json, os, uuid
from azure.servicebus import ServiceBusClient, ServiceBusMessage

data = {"service": "checkout", "good": 998, "total": 1000}
id = str(uuid.uuid4())
check = {"specversion": "1.0", "id": id, "source": "/probes/checkout", "type": "HealthCheck", "data": data}
message = ServiceBusMessage(json.dumps(check), message_id=id, content_type="application/cloudevents+json")
with ServiceBusClient.from_connection_string(os.environ["SERVICE_BUS"]) as client:
    with client.get_topic_sender("health-check") as sender:
        sender.send_messages(message)
