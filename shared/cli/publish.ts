/** `platform-events publish`: checks an event here, hands it to the app, and follows it when asked to. */
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { formatIssue, TransientError } from '../errors.ts';
import { catalog } from '../events/catalog.ts';
import { newEvent } from '../events/cloud-event.ts';
import { issuesOf } from '../events/issues.ts';
import { green, readFlags, red, UsageError } from '../local/command.ts';
import { follow } from './follow.ts';
import { appAt, COMMON, durationFlag, show } from './options.ts';

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
    args,
  );
  const [type, ...rest] = positionals;
  if (type === undefined || rest.length > 0) throw new UsageError(`expected one event type\n\n${usage}`);
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
  const app = appAt(values.url);
  const event = newEvent(entry.definition, {
    source: values.source,
    data,
    ...(values.subject !== undefined && { subject: values.subject }),
    ...(values['correlation-id'] !== undefined && { correlationid: values['correlation-id'] }),
  });
  await retried(() => app.publish(event));
  console.log(values.json ? JSON.stringify({ id: event.id, correlationId: event.correlationid }) : event.id);
  if (!values.wait) return;
  const ending = await follow({
    app,
    correlationId: event.correlationid,
    timeoutMs,
    onEntry: (one) => show(one, values.json),
    now: () => performance.now(),
    pause: (ms) => pause(ms),
  });
  if (values.json) console.log(JSON.stringify({ ending }));
  else
    console.log(
      ending === 'completed' ? green(ending) : red(ending === 'timeout' ? `no end within ${values.timeout}` : ending),
    );
  process.exitCode = ending === 'completed' ? 0 : 1;
}

/** The id makes sending it again harmless. */
async function retried(send: () => Promise<void>): Promise<void> {
  for (const waitMs of [500, 2_000]) {
    try {
      return await send();
    } catch (error) {
      if (!(error instanceof TransientError)) throw error;
      await pause(waitMs);
    }
  }
  await send();
}

function readData(text: string | undefined): unknown {
  if (text === undefined) throw new UsageError(`--data: expected JSON, @file or -, got nothing`);
  let json = text;
  if (text === '-' || text.startsWith('@')) {
    const file = text === '-' ? 0 : text.slice(1);
    try {
      json = readFileSync(file, 'utf8');
    } catch (error) {
      throw new UsageError(`--data: cannot read ${text}: ${error instanceof Error ? error.message : error}`);
    }
  }
  try {
    return JSON.parse(json);
  } catch (error) {
    throw new UsageError(`--data: expected JSON: ${error instanceof Error ? error.message : error}`);
  }
}
