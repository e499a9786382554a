/** The AsyncAPI 3 document of the topics, from the catalog of events and the topology. */
import { catalog } from '../../events/catalog.ts';
import { exampleEvent } from '../../events/examples.ts';
import { eventSchemas } from '../../events/schemas.ts';
import { topology } from '../../topology.ts';

type Json = Readonly<Record<string, unknown>>;

/** @param version of the app */
export function asyncApiDocument(version: string): Json {
  const schemas = eventSchemas();
  const channels: Record<string, Json> = {};
  const operations: Record<string, Json> = {};
  const messages: Record<string, Json> = {};
  for (const { name, type, sender, subscriptions } of topology.topics) {
    const description = String(schemas.get(type)?.['description'] ?? type);
    messages[type] = messageOf(type, description);
    channels[name] = {
      address: name,
      title: `Topic ${name}`,
      description:
        sender === 'app'
          ? `${description}. A fact: this app alone sends it.`
          : `${description}. Sent by whoever has the right to send on this topic, or posts it to the HTTP API.`,
      messages: { [type]: { $ref: `#/components/messages/${type}` } },
    };
    const about = {
      channel: { $ref: `#/channels/${name}` },
      messages: [{ $ref: `#/channels/${name}/messages/${type}` }],
    };
    for (const { name: subscription } of subscriptions) {
      operations[`handle-${subscription}`] = {
        ...{ action: 'receive', summary: `Handles ${type} from the subscription ${subscription}`, ...about },
      };
    }
    if (sender === 'app') {
      operations[`publish-${name}`] = { action: 'send', summary: `Publishes ${type}`, ...about };
    }
  }
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'platform-events',
      version,
      description:
        'The platform events on Azure Service Bus: a topic for each type, CloudEvents 1.0 in structured mode, as the app sees them. Delivery is at least once: an event is known by its source and id.',
      license: { name: 'MIT' },
      tags: [{ name: 'cloudevents' }, { name: 'service-bus' }],
    },
    defaultContentType: 'application/cloudevents+json',
    servers: {
      azure: {
        host: '{namespace}.servicebus.windows.net',
        ...{ protocol: 'amqps', protocolVersion: '1.0', description: 'Azure Service Bus' },
        variables: { namespace: { description: 'The Service Bus namespace' } },
      },
      local: {
        host: 'localhost:5672',
        ...{ protocol: 'amqp', protocolVersion: '1.0', description: 'The local Service Bus: npm run bus' },
      },
    },
    channels,
    operations,
    components: {
      messages,
      schemas: Object.fromEntries([...schemas].map(([type, schema]) => [type, payloadOf(schema)])),
    },
  };
}

function messageOf(type: string, summary: string): Json {
  const version = catalog.get(type)?.definition.version;
  return {
    ...{ name: type, title: type, summary, contentType: 'application/cloudevents+json' },
    description: `Data of version ${version}.`,
    correlationId: { location: '$message.payload#/correlationid', description: 'Names the chain' },
    payload: { $ref: `#/components/schemas/${type}` },
    examples: [{ name: type, payload: exampleEvent(type) }],
  };
}

/** Without what names a document: it is a part of this one. */
function payloadOf({ $schema: _, $id: __, ...schema }: Json): Json {
  return schema;
}
