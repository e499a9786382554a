import { describe, expect, it } from 'vitest';
import type { HistoryEntry } from '../../../shared/api/events.ts';
import { endingOf, entriesOfEvent, follow } from '../../../shared/client/follow.ts';
import { PermanentError } from '../../../shared/errors.ts';

function entry(type: string, status: HistoryEntry['status'] = 'completed', reason?: string): HistoryEntry {
  return {
    ...{
      id: `id-${type}`,
      source: '/s',
      type,
      subject: 'default/shop/web',
      time: '2026-03-01T12:00:00Z',
      correlationId: 'c',
    },
    ...{ handler: type.toLowerCase(), status, attempts: 0, runs: 1, redeliveries: 0, caused: 0 },
    ...{ startedAt: '2026-03-01T12:00:00Z', updatedAt: '2026-03-01T12:00:00Z' },
    ...(reason && { reason }),
  };
}

/** One event, and what caused it. */
function event(id: string, type: string, causationId?: string, more: Partial<HistoryEntry> = {}): HistoryEntry {
  const cause = causationId !== undefined && { causationId: `/s ${causationId}` };
  return { ...entry(type), id, ...cause, ...more };
}

describe('the entries of an event in a chain', () => {
  const earlier = [event('a', 'DeploymentRequested'), event('a2', 'DeploymentFailed', 'a')];
  const idsOf = (id: string, ...chain: HistoryEntry[]): string[] =>
    entriesOfEvent({ source: '/s', id }, chain).map((one) => one.id);

  it('are those that it caused, listed in any order', () => {
    const own = [
      event('b3', 'DeploymentCompleted', 'b2'),
      event('b', 'DeploymentRequested'),
      event('b2', 'DeploymentStarted', 'b'),
    ];

    expect(idsOf('b', ...earlier, ...own)).toEqual(['b3', 'b', 'b2']);
    expect(idsOf('b', ...earlier)).toEqual([]);
  });

  it('hold the failure of an event that another superseded, and what comes of it', () => {
    const later = { startedAt: '2026-03-01T12:00:05Z' };
    const [superseded, followed] = [
      event('x', 'DeploymentFailed', 'c', later),
      event('y', 'DeploymentRolledBack', 'x'),
    ];
    const newer = [event('c', 'DeploymentRequested'), event('c2', 'DeploymentStarted', 'c')];
    const own = event('b', 'DeploymentRequested');

    // The newer request may have a chain of its own, or this one.
    expect(idsOf('b', own, superseded, followed)).toEqual(['b', 'x', 'y']);
    expect(idsOf('b', own, ...newer, superseded, followed)).toEqual(['b', 'x', 'y']);
    expect(idsOf('c', own, ...newer, superseded, followed)).toEqual(['c', 'c2']);
  });

  it('hold no failure from outside that is older, or of another resource', () => {
    const own = event('b', 'DeploymentRequested');
    const older = event('x', 'DeploymentFailed', 'gone', { startedAt: '2026-03-01T11:00:00Z' });
    const other = event('y', 'DeploymentFailed', 'gone', { subject: 'default/shop/api' });

    expect(idsOf('b', own, older, other)).toEqual(['b']);
  });
});

it.each([
  ['nothing yet', [], undefined],
  ['a request under way', [entry('DeploymentRequested', 'in-progress')], undefined],
  ['a request of which nothing followed yet', [entry('DeploymentRequested')], undefined],
  ['a step between two events', [entry('DeploymentRequested'), entry('DeploymentStarted')], undefined],
  ['a completed deployment', [entry('DeploymentRequested'), entry('DeploymentCompleted')], 'completed'],
  ['a completed one still being closed', [entry('DeploymentCompleted', 'in-progress')], undefined],
  ['a failure with a rollback on its way', [{ ...entry('DeploymentFailed'), caused: 1 }], undefined],
  ['a rollback under way', [entry('DeploymentFailed', 'waiting')], undefined],
  ['a failure of which nothing follows', [entry('DeploymentFailed')], 'failed'],
  ['a rollback under way that the cluster fails', [entry('DeploymentFailed', 'waiting', 'Transient')], undefined],
  [
    'one of which nobody could be told yet',
    [entry('DeploymentCompleted', 'waiting', 'NotificationFailed')],
    'completed',
  ],
  ['a rollback', [entry('DeploymentFailed'), entry('DeploymentRolledBack')], 'rolled-back'],
  [
    'an event that was dead-lettered',
    [entry('DeploymentRequested'), entry('DeploymentStarted', 'dead-lettered')],
    'dead-lettered',
  ],
  ['an event of which nothing follows', [entry('HealthCheck')], 'completed'],
  ['an event of which something follows', [{ ...entry('HealthCheck'), caused: 1 }], undefined],
] as const)('%s', (_, entries, expected) => {
  expect(endingOf(entries, entries)).toBe(expected);
});

it('counts what an event caused in the whole chain, each once', () => {
  const check = event('a', 'HealthCheck', undefined, { caused: 2 });
  const violation = event('b', 'SLOViolation', 'a');
  const other = event('c', 'ErrorBudgetDepleted', 'a');

  expect(endingOf([check, violation], [check, violation, { ...violation, handler: 'another' }])).toBeUndefined();
  expect(endingOf([check, violation], [check, violation, other])).toBe('completed');
});

/** An entry that the event which is followed caused. */
function caused(...args: Parameters<typeof entry>): HistoryEntry {
  return { ...entry(...args), causationId: '/s id-DeploymentRequested' };
}

/** An app whose history grows with every look; time passes only while it is waited for. */
function scripted(...answers: (readonly HistoryEntry[] | Error)[]) {
  let now = 0;
  const shown: string[] = [];
  const asked: number[] = [];
  return {
    shown,
    asked,
    options: {
      app: {
        history: async ({ limit = 100 }: { limit?: number | undefined }) => {
          const answer = answers.length > 1 ? answers.shift() : answers[0];
          if (answer instanceof Error) throw answer;
          asked.push(limit);
          return [...(answer ?? [])].reverse().slice(0, limit);
        },
      },
      event: { source: '/s', id: 'id-DeploymentRequested' },
      correlationId: 'c',
      timeoutMs: 10_000,
      onEntry: ({ type, status }: HistoryEntry) => void shown.push(`${type} ${status}`),
      now: () => now,
      pause: async (ms: number) => {
        now += ms;
      },
    },
  };
}

it('shows every change once, oldest first, and outlives an app that is away for a moment', async () => {
  const [requested, running] = [entry('DeploymentRequested'), caused('DeploymentStarted', 'waiting')];
  const all = [requested, caused('DeploymentStarted'), caused('DeploymentCompleted')];
  const { options, shown } = scripted([requested, running], new Error('away'), [requested, running], all);

  const ending = await follow(options);

  expect(ending).toEqual({ ending: 'completed' });
  expect(shown).toEqual([
    'DeploymentRequested completed',
    'DeploymentStarted waiting',
    'DeploymentStarted completed',
    'DeploymentCompleted completed',
  ]);
});

it('waits as long as it takes until what was published is delivered', async () => {
  const requested = { ...entry('DeploymentRequested'), caused: 1 };
  const [started, completed] = [caused('DeploymentStarted'), caused('DeploymentCompleted')];
  // Six seconds pass, as where a function has to start for each event.
  const silent = Array.from({ length: 30 }, () => [requested]);
  const { options } = scripted(...silent, [requested, started, completed]);

  expect(await follow(options)).toEqual({ ending: 'completed' });
  expect(await follow(scripted([requested]).options)).toEqual({ ending: 'timeout' });
});

it('looks further back when much else of its chain came later, as in a pipeline of many releases', async () => {
  const requested = { ...entry('DeploymentRequested'), caused: 1 };
  const [waiting, started] = [caused('DeploymentStarted', 'waiting'), { ...caused('DeploymentStarted'), caused: 1 }];
  const completed = { ...entry('DeploymentCompleted'), causationId: '/s id-DeploymentStarted' };
  const others = Array.from({ length: 250 }, (_, n) => event(`other-${n}`, 'DeploymentRequested'));
  const { options, asked } = scripted(
    [requested, waiting],
    [requested, waiting, ...others, completed],
    [...[requested, started], ...[...others, completed]],
  );

  expect(await follow(options)).toEqual({ ending: 'completed' });
  expect(asked).toEqual([100, 100, 200, 400]);
});

it('asks for no more than it needs', async () => {
  const others = Array.from({ length: 250 }, (_, n) => event(`other-${n}`, 'DeploymentRequested'));
  const requested = { ...entry('DeploymentRequested'), caused: 1 };
  const { options, asked } = scripted([...others, requested], [...others, requested, caused('DeploymentCompleted')]);

  expect(await follow(options)).toEqual({ ending: 'completed' });
  expect(asked).toEqual([100, 100]);
});

it('says why a chain ended badly', async () => {
  const requested = entry('DeploymentRequested');
  const failed = { ...caused('DeploymentFailed'), summary: 'DeadlineExceeded: not rolled out within 300 s' };
  const deadLetter = { ...caused('DeploymentStarted', 'dead-lettered', 'ClusterError'), error: 'forbidden' };

  expect(await follow(scripted([requested, failed]).options)).toEqual({ ending: 'failed', why: failed.summary });
  expect(await follow(scripted([requested, failed, caused('DeploymentRolledBack')]).options)).toEqual({
    ending: 'rolled-back',
    why: failed.summary,
  });
  expect(await follow(scripted([requested, deadLetter]).options)).toEqual({
    ending: 'dead-lettered',
    why: 'DeploymentStarted: ClusterError: forbidden',
  });
});

it('waits for its own event, however an older one of the chain ended', async () => {
  const older = { ...entry('DeploymentCompleted'), id: 'older' };
  const own = [entry('DeploymentRequested'), caused('DeploymentFailed')];
  const { options, shown } = scripted([older], [older], [older, ...own]);

  expect(await follow(options)).toMatchObject({ ending: 'failed' });
  expect(shown).toEqual(['DeploymentRequested completed', 'DeploymentFailed completed']);
});

it('gives up when the time is over, with the last error if there is one', async () => {
  await expect(follow(scripted([entry('DeploymentRequested', 'waiting')]).options)).resolves.toEqual({
    ending: 'timeout',
  });
  await expect(follow(scripted(new Error('away')).options)).rejects.toThrow('away');
});

it('gives up at once when the first answer refuses, and not for one in between', async () => {
  const refusal = new PermanentError('the app refuses: 403');
  const requested = { ...entry('DeploymentRequested'), caused: 1 };

  const { options } = scripted(refusal);
  await expect(follow({ ...options, pause: () => Promise.reject(new Error('asked again')) })).rejects.toBe(refusal);
  expect(await follow(scripted([requested], refusal, [requested, caused('DeploymentCompleted')]).options)).toEqual({
    ending: 'completed',
  });
});
