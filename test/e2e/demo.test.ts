/** `npm run demo` as people run it: a process that plays the story over AMQP and says with its exit code how it ended. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Command } from '../support/processes.ts';

/** The entries of the timeline, each as a word or two. */
function entriesOf(output: string): string[] {
  return output.split('\n').flatMap((line) => {
    const { event, notification, result } = JSON.parse(line);
    if (event) return [[event.type, event.data.reason].filter(Boolean).join(' ')];
    if (notification) return [notification.title];
    return result ? [JSON.stringify({ ...result, seconds: undefined })] : [];
  });
}

it('closes the loop, step by step, and ends with 0', async () => {
  const demo = new Command('shared/local/demo/main', ['--json']);

  expect(await demo.exit(), demo.output).toBe(0);

  const entries = entriesOf(demo.output);
  const story = [
    'ClusterCreated',
    'NamespaceCreated',
    'ResourceQuotaExceeded',
    'DeploymentCompleted',
    'SLOViolation',
    'DeploymentFailed SLOViolation',
    'DeploymentRolledBack SLOViolation',
    'ErrorBudgetDepleted',
    'checkout is frozen',
    'DeploymentFailed Frozen',
    'DeploymentCompleted',
    'checkout may be released again',
    'DeploymentCompleted',
  ];
  // In this order, whatever happens between them.
  let from = 0;
  const told = story.filter((step) => {
    const at = entries.findIndex((entry, index) => index >= from && entry.startsWith(step));
    if (at >= 0) from = at + 1;
    return at >= 0;
  });
  expect(told).toEqual(story);
  expect(entries.at(-1)).toBe('{"closed":true,"days":40}');
});

it('names the step that does not happen, and ends with 1', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'demo-'));
  try {
    const config = JSON.parse(await readFile('platform.config.json', 'utf8'));
    config.services[0].objectives[0].window = '28d';
    const file = join(directory, 'platform.config.json');
    await writeFile(file, JSON.stringify(config));

    const demo = new Command('shared/local/demo/main', ['--config', file]);

    expect(await demo.exit(), demo.output).toBe(1);
    expect(demo.output).toMatch(
      /the loop does not close, missing: the freeze lasts while the outage is in the window$/,
    );
  } finally {
    await rm(directory, { recursive: true });
  }
});
