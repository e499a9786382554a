// dotnet add package Azure.Messaging.ServiceBus
using System.Text.Json;
using Azure.Messaging;
using Azure.Messaging.ServiceBus;

// Names as they are sent: a class with `Service` needs JsonNamingPolicy.CamelCase.
var data = new { service = "checkout", good = 998, total = 1000 };
var check = new CloudEvent("/probes/checkout", "HealthCheck", data);
var body = JsonSerializer.SerializeToUtf8Bytes(check);
var message = new ServiceBusMessage(body) { MessageId = check.Id, ContentType = "application/cloudevents+json" };
await using var client = new ServiceBusClient(Environment.GetEnvironmentVariable("SERVICE_BUS"));
await client.CreateSender("health-check").SendMessageAsync(message);
