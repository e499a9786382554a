/**
 * Random requests, some of them bad, late or sent several times, against a cluster of your choice, while the Functions
 * host is killed (SIGKILL) again and again. Every request must come to exactly one end, and what the records say runs
 * must be what the cluster asks for. `npm run bench -- fuzz-cluster --help`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { eventMessage } from '../shared/delivery/bus-message.ts';
import { newEvent } from '../shared/events/cloud-event.ts';
import { DeploymentRequested } from '../shared/events/deployment.ts';
import { columns, print, readFlags, runCommand, UsageError } from '../shared/terminal/command.ts';
import { topicOf } from '../shared/topology.ts';
import { Ends, isWrong } from './fuzz-cluster/ends.ts';
import { type PlannedRequest, planOf } from './fuzz-cluster/plan.ts';
import { type RunningPlatform, startPlatform } from './fuzz-cluster/platform.ts';
import { realStage, type Stage, testStage } from './fuzz-cluster/stage.ts';

const USAGE = `usage: npm run bench -- fuzz-cluster [options]

  --kubeconfig FILE    the cluster; the test API server of the suite when absent
  --context NAME       a context of it (the current one)
  --namespace NAME     where the Deployments are made, and removed again (fuzz)
  --requests N         how many (60)
  --deployments N      for how many Deployments (6)
  --seed N             another number makes other requests (1)
  --repository NAME    of images (registry.k8s.io/pause)
  --tags A,B,…         tags that it has (3.6,3.7,3.8,3.9,3.10); fail-N, which it
                       must not have, is the bad one
  --report-ready       report pods ready in the place of a kubelet: for an API
                       server with a controller manager and without nodes
  --deadline SECONDS   how long a rollout may make no progress (60; without a
                       kubelet 5)

The account of the kubeconfig makes the namespace and the Deployments, and the
app uses it too. Exit code 0 when every request had one end.`;

const FLAGS = {
  kubeconfig: { type: 'string' },
  context: { type: 'string' },
  namespace: { type: 'string', default: 'fuzz' },
  requests: { type: 'string', default: '60' },
  deployments: { type: 'string', default: '6' },
  seed: { type: 'string', default: '1' },
  repository: { type: 'string', default: 'registry.k8s.io/pause' },
  tags: { type: 'string', default: '3.6,3.7,3.8,3.9,3.10' },
  'report-ready': { type: 'boolean', default: false },
  deadline: { type: 'string' },
} as const;

const SOURCE = '/fuzz-cluster';

function numberIn(flag: string, text: string): number {
  if (/^[1-9][0-9]{0,5}$/.test(text)) return Number(text);
  throw new UsageError(`--${flag}: expected a whole number from 1 on, got '${text}'`);
}

await runCommand(async () => {
  const { values } = readFlags(USAGE, FLAGS);
  const { kubeconfig, context, namespace, repository } = values;
  const isReadyReported = values['report-ready'];
  const hasKubelet = kubeconfig !== undefined && !isReadyReported;
  const progressDeadlineSeconds = numberIn('deadline', values.deadline ?? (hasKubelet ? '60' : '5'));
  const [requests, seed] = [numberIn('requests', values.requests), numberIn('seed', values.seed)];
  const deployments = Array.from({ length: numberIn('deployments', values.deployments) }, (_, n) => `fuzz-${n}`);
  const tags = values.tags.split(',');
  const plan = planOf({ requests, deployments, repository, tags, seed });
  const options = { namespace, progressDeadlineSeconds };
  const stage = await (kubeconfig === undefined
    ? testStage(options)
    : realStage(options, { kubeconfig, context, isReadyReported }));
  const ends = new Ends();
  let platform: RunningPlatform | undefined;
  try {
    print(`${requests} requests, seed ${seed}, on ${stage.name}`);
    await stage.deploy(deployments, `${repository}:${tags[0]}`);
    platform = await startPlatform(configOf(stage, { namespace, repository, progressDeadlineSeconds }), (fact) => {
      ends.add(fact);
    });
    const begun = performance.now();
    await play(plan, namespace, platform, ends);
    const patienceMs = 1_000 * (60 + 6 * progressDeadlineSeconds);
    await settle(plan, platform, ends, patienceMs);
    const seconds = (performance.now() - begun) / 1_000;
    const wrong = [...wrongEnds(plan, ends), ...(await wrongImages(deployments, namespace, stage, platform))];
    report(plan, ends, await errorsIn(platform), seconds);
    for (const line of wrong) print(`  ${line}`);
    if (wrong.length > 0) process.exitCode = 1;
  } finally {
    await platform?.close();
    await stage.close();
  }
  // A receiver that is closing may linger.
  process.exit();
});

function configOf(
  { kubeconfig, context }: Stage,
  of: { readonly namespace: string; readonly repository: string; readonly progressDeadlineSeconds: number },
): unknown {
  const { namespace, repository, progressDeadlineSeconds } = of;
  const namespaces = [{ namespace, team: 'fuzz', environment: 'staging' }];
  return {
    policies: {
      deployment: { requeueAfter: '500ms', deadline: `${4 * progressDeadlineSeconds}s`, registries: [repository] },
    },
    clusters: { default: { kubeconfig, ...(context !== undefined && { context }), namespaces } },
  };
}

/** Sends the requests, and kills the host when the plan says so. */
async function play(
  plan: readonly PlannedRequest[],
  namespace: string,
  platform: RunningPlatform,
  ends: Ends,
): Promise<void> {
  const sender = platform.client.createSender(topicOf(DeploymentRequested.type));
  for (const [index, request] of plan.entries()) {
    await sleep(request.afterMs);
    const { id, deployment, containers, isElsewhere, ageMs, duplicates, isKill } = request;
    const event = newEvent(DeploymentRequested, {
      ...{ id, source: SOURCE, time: new Date(Date.now() - ageMs).toISOString() },
      data: { namespace: isElsewhere ? 'elsewhere' : namespace, deployment, containers: [...containers] },
    });
    const { entity: _, scheduledEnqueueTimeMs: __, messageId, ...message } = eventMessage(event);
    for (let copy = 0; copy <= duplicates; copy++) {
      // Another message id: the broker's duplicate detection must not be what saves us.
      await sender.sendMessages({ ...message, messageId: copy === 0 ? messageId : `${messageId}#${copy}` });
    }
    if (isKill) await platform.killHost();
    if ((index + 1) % 10 === 0) {
      const ended = plan.filter((one) => ends.of(one.id) !== 'no end').length;
      print(`  ${index + 1} sent, ${ended} ended`);
    }
  }
}

/** Waits until every request has an end and every release is over, and a little longer for a second end. */
async function settle(
  plan: readonly PlannedRequest[],
  platform: RunningPlatform,
  ends: Ends,
  patienceMs: number,
): Promise<void> {
  const deadline = performance.now() + patienceMs;
  const isSettled = async (): Promise<boolean> => {
    if (plan.some(({ id }) => ends.of(id) === 'no end')) return false;
    const found = await deploymentsIn(platform);
    return found?.every(({ newest }) => newest?.isOver) ?? false;
  };
  while (!(await isSettled()) && performance.now() < deadline) await sleep(500);
  await sleep(3_000);
}

interface ShownDeployment {
  readonly deployment: string;
  readonly namespace: string;
  readonly knownGoodImages: Readonly<Record<string, string>>;
  readonly newest?: { readonly isOver: boolean };
  readonly failingSince?: string;
}

async function deploymentsIn(platform: RunningPlatform): Promise<readonly ShownDeployment[] | undefined> {
  // The app's own answer.
  const answer = (await platform.ask('deployments?limit=1000')) as { deployments: ShownDeployment[] } | undefined;
  return answer?.deployments;
}

async function errorsIn(platform: RunningPlatform): Promise<number> {
  const answer = (await platform.ask('errors')) as { errors: unknown[] } | undefined;
  return answer?.errors.length ?? 0;
}

function wrongEnds(plan: readonly PlannedRequest[], ends: Ends): string[] {
  return plan.flatMap(({ id, deployment }) => {
    const end = ends.of(id);
    return isWrong(end) ? [`${id} for ${deployment}: ${end}`] : [];
  });
}

/** Where the newest release went well or was rolled back, the cluster asks for what the record calls good. */
async function wrongImages(
  deployments: readonly string[],
  namespace: string,
  stage: Stage,
  platform: RunningPlatform,
): Promise<string[]> {
  const shown = (await deploymentsIn(platform)) ?? [];
  const wrong: string[] = [];
  for (const one of shown) {
    if (one.namespace !== namespace || !deployments.includes(one.deployment) || one.failingSince !== undefined)
      continue;
    const images = await stage.imagesOf(one.deployment);
    for (const [container, image] of Object.entries(one.knownGoodImages)) {
      if (images[container] !== image)
        wrong.push(`${one.deployment}: ${container} asks for ${images[container]}, not ${image}`);
    }
  }
  return wrong;
}

function report(plan: readonly PlannedRequest[], ends: Ends, errors: number, seconds: number): void {
  const counts = new Map<string, number>();
  for (const { id } of plan) counts.set(ends.of(id), (counts.get(ends.of(id)) ?? 0) + 1);
  const rows = [...counts].sort(([, a], [, b]) => b - a).map(([end, count]) => [`  ${end}`, String(count)]);
  const sum = (numberOf: (request: PlannedRequest) => number): number =>
    plan.reduce((all, request) => all + numberOf(request), 0);
  print(
    columns([
      ...rows,
      ['  sent again', String(sum(({ duplicates }) => duplicates))],
      ['  host killed', String(sum(({ isKill }) => Number(isKill)))],
      ['  facts delivered again', String(ends.repeated)],
      ['  in errors', String(errors)],
      ['  time', `${seconds.toFixed(0)} s`],
    ]),
  );
  const one = plan.filter(({ id }) => !isWrong(ends.of(id))).length;
  print(`${one} of ${plan.length} requests with exactly one end`);
}
