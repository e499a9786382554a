import { expect, it } from 'vitest';
import type { HistoryEntry } from '../../../shared/cli/api.ts';
import { endingOf, follow } from '../../../shared/cli/follow.ts';

function entry(type: string, status: HistoryEntry['status'] = 'finished', reason?: string): HistoryEntry {
  return {
    ...{ id: `id-${type}`, type, subject: 'default/shop/web', time: '2026-03-01T12:00:00Z', correlationId: 'c' },
    ...{ handler: type.toLowerCase(), status, tries: 0, startedAt: '2026-03-01T12:00:00Z' },
    ...(reason && { reason }),
  };
}

it.each([
  ['nothing yet', [], true, undefined],
  ['a request under way', [entry('DeploymentRequested', 'running')], true, undefined],
  ['a step between two events', [entry('DeploymentRequested')], false, undefined],
  ['a completed deployment', [entry('DeploymentRequested'), entry('DeploymentCompleted')], false, 'completed'],
  ['a completed one still being closed', [entry('DeploymentCompleted', 'running')], true, undefined],
  ['a failure just now, perhaps to be rolled back', [entry('DeploymentFailed')], false, undefined],
  ['a rollback under way', [entry('DeploymentFailed', 'waiting')], true, undefined],
  ['a failure that nothing followed', [entry('DeploymentFailed')], true, 'failed'],
  ['a rollback under way that the cluster fails', [entry('DeploymentFailed', 'waiting', 'Transient')], true, undefined],
  [
    'one of which nobody could be told yet',
    [entry('DeploymentCompleted', 'waiting', 'NotificationFailed')],
    false,
    'completed',
  ],
  ['a rollback', [entry('DeploymentFailed'), entry('DeploymentRolledBack')], false, 'rolled-back'],
  ['an event that was parked', [entry('DeploymentRequested'), entry('DeploymentStarted', 'parked')], false, 'parked'],
  ['an event of which nothing follows', [entry('HealthCheck')], true, 'completed'],
] as const)('%s', (_, entries, isQuiet, expected) => {
  expect(endingOf(entries, isQuiet)).toBe(expected);
});

/** An app whose history grows with every look; time passes only while it is waited for. */
function scripted(...answers: (readonly HistoryEntry[] | Error)[]) {
  let now = 0;
  const shown: string[] = [];
  return {
    shown,
    options: {
      app: {
        history: async () => {
          const answer = answers.length > 1 ? answers.shift() : answers[0];
          if (answer instanceof Error) throw answer;
          return [...(answer ?? [])].reverse();
        },
      },
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
  const [requested, running] = [entry('DeploymentRequested'), entry('DeploymentStarted', 'waiting')];
  const all = [requested, entry('DeploymentStarted'), entry('DeploymentCompleted')];
  const { options, shown } = scripted([requested, running], new Error('away'), [requested, running], all);

  const ending = await follow(options);

  expect(ending).toEqual({ ending: 'completed' });
  expect(shown).toEqual([
    'DeploymentRequested finished',
    'DeploymentStarted waiting',
    'DeploymentStarted finished',
    'DeploymentCompleted finished',
  ]);
});

it('says why a chain ended badly', async () => {
  const failed = { ...entry('DeploymentFailed'), summary: 'DeadlineExceeded: not rolled out within 300 s' };
  const parked = { ...entry('DeploymentStarted', 'parked', 'ClusterError'), error: 'forbidden' };

  expect(await follow(scripted([failed]).options)).toEqual({ ending: 'failed', why: failed.summary });
  expect(await follow(scripted([failed, entry('DeploymentRolledBack')]).options)).toEqual({
    ending: 'rolled-back',
    why: failed.summary,
  });
  expect(await follow(scripted([parked]).options)).toEqual({
    ending: 'parked',
    why: 'DeploymentStarted: ClusterError: forbidden',
  });
});

it('gives up when the time is over, with the last error if there is one', async () => {
  await expect(follow(scripted([entry('DeploymentStarted', 'waiting')]).options)).resolves.toEqual({
    ending: 'timeout',
  });
  await expect(follow(scripted(new Error('away')).options)).rejects.toThrow('away');
});
