/** `.github/actions/publish`: publishes an event, and waits for what comes of it. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { HistoryEntry } from '../../api/events.ts';
import type { AppClient } from '../../client/app-client.ts';
import { ENDINGS, follow } from '../../client/follow.ts';
import { retried } from '../../client/retried.ts';
import { faultOf, jsonFaultOf } from '../../describe-error.ts';
import { parseDuration } from '../../duration.ts';
import { PermanentError } from '../../errors.ts';
import { parseJson } from '../../json.ts';
import { oneLine } from '../../shown-text.ts';
import { appOfWorkflow, cell, fail, input, neededInput, runStep, say, setOutput, summarise } from './workflow.ts';

const TITLE = 'platform-events publish';

await runStep(TITLE, async () => {
  const app = appOfWorkflow();
  const event = eventOfInputs();
  const timeoutMs = parseDuration(input('timeout') ?? '10m');
  // A repeated request is harmless, since the event keeps its id.
  const [correlationId = ''] = await retried(() => app.publish(event));
  setOutput('id', event.id);
  setOutput('correlation-id', correlationId);
  say(`published ${event.type} ${event.id}, chain ${correlationId}`);
  if (input('wait') === 'false') return summarise(`Published \`${cell(event.type)}\`: ${linkTo(correlationId)}\n`);
  await waitFor(app, event, correlationId, timeoutMs);
});

interface StepEvent {
  readonly specversion: '1.0';
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject?: string;
  readonly correlationid?: string;
  readonly data: unknown;
}

/** @throws PermanentError naming the input that is wrong; the fields of the data are judged by the app */
function eventOfInputs(): StepEvent {
  const repository = `${process.env['GITHUB_SERVER_URL'] ?? ''}/${process.env['GITHUB_REPOSITORY'] ?? 'workflow'}`;
  const [subject, correlationid] = [input('subject'), input('correlation-id')];
  return {
    ...{ specversion: '1.0', id: randomUUID(), source: input('source') ?? repository },
    ...{ type: input('type') ?? 'DeploymentRequested', data: dataOfInputs() },
    ...(subject !== undefined && { subject }),
    ...(correlationid !== undefined && { correlationid }),
  };
}

function dataOfInputs(): unknown {
  const text = neededInput('data');
  try {
    return parseJson(text.startsWith('@') ? readFileSync(text.slice(1), 'utf8') : text);
  } catch (error) {
    const why = error instanceof SyntaxError ? jsonFaultOf(error) : faultOf(error);
    throw new PermanentError(`data: expected JSON, or @ and the path of a file with it: ${why}`);
  }
}

async function waitFor(app: AppClient, event: StepEvent, correlationId: string, timeoutMs: number): Promise<void> {
  const steps = new Map<string, HistoryEntry>();
  const { ending, why } = await follow({
    ...{ app, event, correlationId, timeoutMs },
    onEntry: (entry) => {
      const { type, subject, status, summary, reason, id, handler } = entry;
      steps.set(`${handler} ${id}`, entry);
      say(`- ${[type, subject, status, reason ?? summary ?? ''].map(oneLine).join('  ').trimEnd()}`);
    },
    now: () => performance.now(),
    pause: (ms) => pause(ms),
  });
  setOutput('ending', ending);
  setOutput('reason', why ?? '');
  const said = why === undefined ? ENDINGS[ending] : `${ENDINGS[ending]}: ${why}`;
  summarise(chainText(event.type, [...steps.values()], correlationId));
  if (ending === 'completed') say(said);
  else fail(TITLE, said);
}

/** The chain as a table, oldest first. */
function chainText(type: string, entries: readonly HistoryEntry[], correlationId: string): string {
  const rows = entries
    .toSorted((a, b) => (a.startedAt < b.startedAt ? -1 : 1))
    .map(({ startedAt, type: step, subject, status, reason, error, summary }) => {
      const why = reason === undefined ? (summary ?? '') : `${reason}: ${error ?? ''}`;
      return `| ${[startedAt.slice(11, 19), step, subject, status, why].map(cell).join(' | ')} |`;
    });
  const head = ['| time (UTC) | event | of | status | |', '| --- | --- | --- | --- | --- |'];
  return [`### ${cell(type)}`, '', ...head, ...rows, '', linkTo(correlationId), ''].join('\n');
}

/** The page of the chain. */
function linkTo(correlationId: string): string {
  const url = neededInput('url')
    .replace(/\/+$/, '')
    .replace(/\/api$/, '');
  return `[What became of it](${url}/api/dashboard/chain?id=${encodeURIComponent(correlationId)})`;
}
