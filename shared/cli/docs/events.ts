/** `docs/events.md`: the fields, the sender and the topic of every event. */
import { type CatalogEntry, catalog, families } from '../../events/catalog.ts';
import {
  CLOUD_EVENT_CONTENT_TYPE,
  type EventDefinition,
  envelope,
  MAX_MESSAGE_BYTES,
} from '../../events/cloud-event.ts';
import { exampleEvent } from '../../events/examples.ts';
import { descriptionOf, jsonSchemaOf } from '../../events/schemas.ts';
import { subscriptionOf, topicOf } from '../../topology.ts';
import { code, linkTo, page, prose, table } from './markdown.ts';
import { boundsOf, type Field, fieldsOf, membersOf, namedTypes, sentence, typeOf } from './schema-fields.ts';

const SENDERS = {
  app: 'this app alone: a fact about what it did or measured',
  publisher: 'whoever has the right to send it: a pipeline, a monitor, a tool, and this app itself',
} as const;

const TYPES = 'Types of fields';

export function eventsPage(): string {
  const envelopeFields = fieldsOf(jsonSchemaOf(envelope));
  const data = [...catalog.values()].flatMap(({ definition }) => fieldsOf(jsonSchemaOf(definition.schema)));
  return page(
    'Events',
    '`shared/events/` and `shared/topology.ts`',
    prose(
      `Events are CloudEvents 1.0 as structured JSON (\`${CLOUD_EVENT_CONTENT_TYPE}\`), at most ${MAX_MESSAGE_BYTES / 1024} KiB each as sent.
      Attributes and data fields that a build does not know are kept. The same as JSON Schema: \`npm run schemas\`; as AsyncAPI 3:
      [asyncapi.json](asyncapi.json).`,
    ),
    table(
      ['event', 'topic', 'subscription and function', 'meaning'],
      [...catalog].map(([type, entry]) => [
        linkTo(type),
        `\`${topicOf(type)}\``,
        `\`${subscriptionOf(type)}\``,
        sentenceOf(entry),
      ]),
    ),
    '## The envelope',
    prose(
      `These attributes surround the data of every event. Over HTTP and from the command line, what is missing is filled in.`,
    ),
    fieldTable(envelopeFields),
    ...Object.keys(families).flatMap((family) => [
      `## ${family[0]?.toUpperCase()}${family.slice(1)}`,
      ...[...catalog.values()].filter((entry) => entry.family === family).map(eventSection),
    ]),
    `## ${TYPES}`,
    namedTypes([...envelopeFields, ...data], '###'),
  );
}

function eventSection(entry: CatalogEntry): string {
  const { type, schema, version, sender } = entry.definition;
  const jsonSchema = jsonSchemaOf(schema);
  return [
    `### ${type}`,
    `${sentenceOf(entry)}.`,
    [
      `- Topic \`${topicOf(type)}\`, subscription and function \`${subscriptionOf(type)}\``,
      `- Sent by ${SENDERS[sender]}`,
      `- Subject: ${subjectRule(entry.definition, Object.keys(membersOf(jsonSchema)), (jsonSchema['required'] ?? []) as string[])}`,
      `- Version of the data: ${version}`,
    ].join('\n'),
    fieldTable(fieldsOf(jsonSchema)),
    code('json', JSON.stringify(exampleEvent(type), null, 2)),
  ].join('\n\n');
}

function sentenceOf({ definition: { type, schema } }: CatalogEntry): string {
  return sentence(descriptionOf(schema) ?? type);
}

function fieldTable(fields: readonly Field[]): string {
  return table(
    ['field', 'required', 'type', 'bounds', 'description'],
    fields.map(({ path, schema, isRequired }) => [
      `\`${path}\``,
      isRequired ? 'yes' : '',
      typeOf(schema),
      boundsOf(schema),
      sentence(String(schema['description'] ?? '')),
    ]),
  );
}

/** The form of the subject, with field names for values: with all fields, and with the required ones alone. */
function subjectRule({ subjectOf }: EventDefinition, names: readonly string[], required: readonly string[]): string {
  const subjectWith = (fields: readonly string[]): string =>
    `\`${subjectOf(Object.fromEntries(fields.map((name) => [name, `<${name}>`])))}\``;
  const [whole, least] = [subjectWith(names), subjectWith(required)];
  return whole === least ? whole : `${whole}; ${least} when what is optional is absent`;
}
