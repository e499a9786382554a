/** `platform-events publish`: checks an event, publishes it, and with `--wait` follows it. */
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { ENDINGS, follow } from '../../client/follow.ts';
import { retried } from '../../client/retried.ts';
import { jsonFaultOf } from '../../describe-error.ts';
import { formatIssue, InvalidEventError } from '../../errors.ts';
import { catalog, type PlatformEvent } from '../../events/catalog.ts';
import { type CloudEvent, type EventDefinition, newEvent } from '../../events/cloud-event.ts';
import { exampleEvent } from '../../events/examples.ts';
import { parseJson } from '../../json.ts';
import { readServiceBus } from '../../settings.ts';
import { oneLine } from '../../shown-text.ts';
import { green, print, printJson, readFlags, red, UsageError, wrongCall } from '../../terminal/command.ts';
import { decodeText, readTextFile } from '../../terminal/flag-files.ts';
import type { CliCommand } from '../cli-command.ts';
import { appAt, COMMON, COMMON_USAGE, durationFlag, knownType } from '../options.ts';
import { showEntry, whenChanged } from './entry-lines.ts';

const USAGE = `usage: platform-events publish <Type> --data "@file" [options]

Checks an event, publishes it, and prints its id.

  --data JSON            the data of the event; "@FILE" reads it from a file,
                         - from the standard input
  --example              print data that fits the type, and publish nothing
  --source URI           who publishes (/platform-events-cli)
  --subject TEXT         the resource (from the data)
  --correlation-id ID    join a chain
  --wait                 follow the chain to its end
  --timeout DURATION     how long to wait (10m)
${COMMON_USAGE}

Without --url and PLATFORM_EVENTS_URL, but with ServiceBus or
ServiceBus__fullyQualifiedNamespace in the environment, it is sent to that
namespace directly. Exit code 0 when it is published, and with --wait completed;
1 when it is refused, failed, or has not ended in time.

Types:
${[...catalog.keys()].map((type) => `  ${type}`).join('\n')}`;

const FLAGS = {
  ...COMMON,
  data: { type: 'string' },
  example: { type: 'boolean', default: false },
  source: { type: 'string', default: '/platform-events-cli' },
  subject: { type: 'string' },
  'correlation-id': { type: 'string' },
  wait: { type: 'boolean', default: false },
  timeout: { type: 'string', default: '10m' },
} as const;

export const publishCommand: CliCommand = {
  ...{ name: 'publish', summary: 'publish an event, and follow what comes of it' },
  ...{ usage: USAGE, flags: FLAGS, run: publish },
};

/** Sets the exit code: with `--wait`, 1 unless the chain completed. @throws UsageError */
async function publish(args: string[]): Promise<void> {
  const { values, positionals } = readFlags(USAGE, FLAGS, { args, words: 1 });
  const [type] = positionals;
  if (type === undefined) throw wrongCall(USAGE, 'expected an event type, got nothing');
  const { definition } = knownType(type);
  if (values.example) return print(JSON.stringify(exampleEvent(type).data, null, 2));
  const data = readData(values.data);
  const timeoutMs = durationFlag('timeout', values.timeout);
  const event = eventOf(definition, data, values);

  const isDirect = values.url === undefined && !process.env['PLATFORM_EVENTS_URL'] && hasServiceBus();
  if (isDirect && values.wait) {
    throw new UsageError('--wait needs the history of the app: set its address with --url or PLATFORM_EVENTS_URL');
  }
  const app = appAt(values);
  // A repeated request is harmless, since the event keeps its id.
  if (isDirect) await publishDirectly(event);
  else await retried(async () => void (await app.publish(event)));
  if (values.json) printJson({ id: event.id, correlationId: event.correlationid });
  else print(event.id);
  if (!values.wait) return;

  const { ending, why } = await follow({
    app,
    event,
    correlationId: event.correlationid,
    timeoutMs,
    onEntry: whenChanged((one) => showEntry(one, values)),
    now: () => performance.now(),
    pause: (ms) => pause(ms),
  });
  const colour = ending === 'completed' ? green : red;
  if (values.json) printJson({ ending, why });
  else print(colour(why === undefined ? ENDINGS[ending] : `${ENDINGS[ending]}: ${oneLine(why)}`));
  process.exitCode = ending === 'completed' ? 0 : 1;
}

interface EventFlags {
  readonly source: string;
  readonly subject?: string | undefined;
  readonly 'correlation-id'?: string | undefined;
}

/** The flags of event attributes with other names. */
const FLAG_OF: Readonly<Record<string, string>> = { correlationid: 'correlation-id' };

/** @throws UsageError that names each field of the data, and each flag, with an invalid value */
function eventOf(definition: EventDefinition, data: unknown, flags: EventFlags): CloudEvent {
  const { source, subject, 'correlation-id': correlationid } = flags;
  try {
    return newEvent(definition, {
      ...{ source, data },
      ...(subject !== undefined && { subject }),
      ...(correlationid !== undefined && { correlationid }),
    });
  } catch (error) {
    if (!(error instanceof InvalidEventError)) throw error;
    const lines = error.issues.map(({ path, ...issue }) => {
      const isData = path === 'data' || path.startsWith('data.');
      return `${isData ? '' : '--'}${formatIssue({ path: FLAG_OF[path] ?? path, ...issue })}`;
    });
    throw new UsageError(lines.join('\n'));
  }
}

function hasServiceBus(): boolean {
  return Boolean(process.env['ServiceBus'] || process.env['ServiceBus__fullyQualifiedNamespace']);
}

async function publishDirectly(event: CloudEvent): Promise<void> {
  const { createServiceBus } = await import('../../adapters/service-bus/event-bus.ts');
  const bus = await createServiceBus(readServiceBus(process.env));
  try {
    // The catalog's schema has accepted the data.
    await bus.publish(event as PlatformEvent);
  } finally {
    await bus.close();
  }
}

function readData(text: string | undefined): unknown {
  if (text === undefined) throw wrongCall(USAGE, '--data: expected JSON, "@file" or -, got nothing');
  let json = text;
  if (text === '-') json = decodeText(readFileSync(0));
  if (text.startsWith('@')) json = readTextFile('data', text.slice(1));
  try {
    return parseJson(json);
  } catch (error) {
    const isOnLine = json === text && text !== '-';
    const hint =
      isOnLine && !text.includes('"') ? '; if the shell takes the quotes away, use a file: --data "@file"' : '';
    throw new UsageError(`--data: expected JSON: ${jsonFaultOf(error)}${hint}`);
  }
}
