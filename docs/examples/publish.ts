/** A service that publishes: `SERVICE_BUS` is a connection string that may send to the topic `health-check`. */
import { ServiceBusClient } from '@azure/service-bus';
import { EventPublisher, HealthCheck, newEvent } from 'platform-events';

const client = new ServiceBusClient(process.env['SERVICE_BUS'] ?? '');
const publisher = new EventPublisher(client);

const data = { service: 'checkout', good: 998, total: 1_000 };
const check = newEvent(HealthCheck, { source: '/probes/checkout', data });
await publisher.publish(check);
console.log(`published ${check.id}`);

await publisher.close();
await client.close();
