/** `platform-events publish`: checks an event here, hands it to the app, and follows it when asked to. */
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { faultOf, formatIssue } from '../errors.ts';
import { catalog, type PlatformEvent } from '../events/catalog.ts';
import { type CloudEvent, newEvent } from '../events/cloud-event.ts';
import { issuesOf } from '../events/issues.ts';
import { parseJson } from '../json.ts';
import { green, oneLine, readFlags, red, UsageError } from '../local/command.ts';
import { type Ending, follow } from './follow.ts';
import { appAt, COMMON, changes, durationFlag, retried, show } from './options.ts';

/** Sets the exit code: with `--wait`, 1 unless the chain completed. @throws UsageError */
export async function publish(usage: string, args: string[]): Promise<void> {
  const { values, positionals } = readFlags(
    usage,
    {
      ...COMMON,
      data: { type: 'string' },
      source: { type: 'string', default: '/platform-events-cli' },
      subject: { type: 'string' },
      'correlation-id': { type: 'string' },
      wait: { type: 'boolean', default: false },
      timeout: { type: 'string', default: '10m' },
    },
    { args, words: 1 },
  );
  const [type] = positionals;
  if (type === undefined) throw new UsageError(`expected one event type\n\n${usage}`);
  const entry = catalog.get(type);
  if (!entry) throw new UsageError(`unknown event type '${type}'; expected one of ${[...catalog.keys()].join(', ')}`);
  const data = readData(values.data);
  const checked = entry.definition.schema.safeParse(data);
  if (!checked.success) {
    throw new UsageError(
      issuesOf(checked.error, data, ['data'])
        .map((issue) => formatIssue(issue))
        .join('\n'),
    );
  }
  const timeoutMs = durationFlag('timeout', values.timeout);
  const event = newEvent(entry.definition, {
    source: values.source,
    data,
    ...(values.subject !== undefined && { subject: values.subject }),
    ...(values['correlation-id'] !== undefined && { correlationid: values['correlation-id'] }),
  });

  const isDirect = values.url === undefined && !process.env['PLATFORM_EVENTS_URL'] && hasServiceBus();
  if (isDirect && values.wait) {
    throw new UsageError('--wait asks the app for its history: say where it is with --url or PLATFORM_EVENTS_URL');
  }
  const app = appAt(values.url);
  // The id makes sending it again harmless.
  if (isDirect) await publishDirectly(event);
  else await retried(() => app.publish(event));
  console.log(values.json ? JSON.stringify({ id: event.id, correlationId: event.correlationid }) : event.id);
  if (!values.wait) return;

  const { ending, why } = await follow({
    app,
    correlationId: event.correlationid,
    timeoutMs,
    onEntry: changes((one) => show(one, values.json)),
    now: () => performance.now(),
    pause: (ms) => pause(ms),
  });
  const colour = ending === 'completed' ? green : red;
  console.log(
    values.json
      ? JSON.stringify({ ending, why })
      : colour(why === undefined ? ENDINGS[ending] : `${ENDINGS[ending]}: ${oneLine(why)}`),
  );
  process.exitCode = ending === 'completed' ? 0 : 1;
}

const ENDINGS: Readonly<Record<Ending, string>> = {
  completed: 'completed',
  'rolled-back': 'failed, and rolled back',
  failed: 'failed',
  parked: 'an event could not be handled and is in the errors queue',
  timeout: 'no end yet; the chain goes on without us',
};

function hasServiceBus(): boolean {
  return Boolean(process.env['ServiceBus'] || process.env['ServiceBus__fullyQualifiedNamespace']);
}

async function publishDirectly(event: CloudEvent): Promise<void> {
  const { createServiceBus } = await import('../adapters/service-bus.ts');
  const { ServiceBus: connectionString, ServiceBus__fullyQualifiedNamespace: endpoint = '' } = process.env;
  const clientId = process.env['ServiceBus__clientId'];
  const log = { info: () => {}, warn: console.error, error: console.error };
  const bus = await createServiceBus(connectionString ? { connectionString } : { endpoint, clientId }, { log });
  try {
    // The catalog's own schema has just accepted the data.
    await bus.publish(event as PlatformEvent);
  } finally {
    await bus.close();
  }
}

function readData(text: string | undefined): unknown {
  if (text === undefined) throw new UsageError(`--data: expected JSON, @file or -, got nothing`);
  let json = text;
  if (text === '-' || text.startsWith('@')) {
    const file = text === '-' ? 0 : text.slice(1);
    try {
      json = readFileSync(file, 'utf8');
    } catch (error) {
      throw new UsageError(`--data: cannot read ${text}: ${faultOf(error)}`);
    }
  }
  try {
    return parseJson(json);
  } catch (error) {
    throw new UsageError(`--data: expected JSON: ${error instanceof SyntaxError ? error.message : faultOf(error)}`);
  }
}
