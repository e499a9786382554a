/**
 * Many requests for some containers of one Deployment, in any order, late and repeatedly: with images that become ready,
 * fail, are slow, meet server errors or are refused. In the end nothing bad runs, and the record knows what does.
 */
import { expect, it } from 'vitest';
import { PermanentError } from '../../../shared/errors.ts';
import type { PlatformEvent } from '../../../shared/events/catalog.ts';
import type { Cluster } from '../../../shared/ports/cluster.ts';
import type { ReleaseData } from '../../../shared/releases/release-record.ts';
import { World } from '../../support/deployments.ts';
import { seeded } from '../../support/seeded.ts';

const SEEDS = Number(process.env['RUNS'] ?? 60);
const NAMES = ['web', 'envoy', 'migrate'] as const;
const TAGS = ['1', '2', '3', 'fail-1', 'fail-2', 'slow-1', 'error-1', 'invalid-1'] as const;

const imageOf = (name: string, tag: string): string => `${name}:${tag}`;

/** Answers as an API server that finds the object invalid. */
const refusing = (cluster: Cluster): Cluster => ({
  ...cluster,
  apply: async (release) => {
    if (release.containers.some(({ image }) => image.includes('invalid'))) throw new PermanentError('422 invalid');
    return cluster.apply(release);
  },
});

class Walk {
  readonly world = new World({ cluster: refusing });
  readonly ends = new Map<string, Set<string>>();
  readonly #random: () => number;
  /** Messages that are to come, each with its time. */
  #pending: { readonly event: PlatformEvent; readonly due: number }[] = [];

  constructor(seed: number) {
    this.#random = seeded(seed);
  }

  async run(): Promise<void> {
    const { world } = this;
    const images = Object.fromEntries(NAMES.map((name) => [name, imageOf(name, '0')]));
    const revisions = [{ revision: 1, images, at: 0 }];
    await world.state.insert('simulated-cluster', 'default/shop/web', { replicas: 2, revisions });
    for (let n = 0; n < 1 + this.#below(6); n++) this.#ask(n * this.#one([0, 500, 4_000, 30_000]));
    while (this.#pending.length > 0) await this.#step();
    world.clock.advance(3_600_000);
  }

  #ask(inMs: number): void {
    const due = this.world.clock.now() + inMs;
    const request = this.world.request('', { ...this.#wanted(), time: new Date(due).toISOString() });
    this.ends.set(request.id, new Set());
    this.#pending.push({ event: request, due });
  }

  #wanted(): Partial<ReleaseData> {
    const [several, name] = [NAMES.filter(() => this.#random() < 0.5), this.#one(NAMES)];
    const withImage = (one: string) => ({ name: one, image: imageOf(one, this.#one(TAGS)) });
    if (several.length > 0 && this.#random() < 0.4) return { containers: several.map(withImage) };
    const { image } = withImage(name);
    return this.#random() < 0.1 ? { image } : { container: name, image };
  }

  async #step(): Promise<void> {
    const { clock } = this.world;
    const ready = this.#pending.filter(({ due }) => due <= clock.now());
    if (ready.length === 0) {
      clock.advance(Math.min(...this.#pending.map(({ due }) => due)) - clock.now());
      return;
    }
    const mail = this.#one(ready);
    const { published, requeueAfterMs } = await this.world.run(mail.event);
    this.#pending = this.#pending.filter((one) => one !== mail);
    if (this.#random() < 0.1) this.#pending.push({ ...mail, due: clock.now() + this.#below(20_000) });
    if (requeueAfterMs !== undefined) this.#pending.push({ ...mail, due: clock.now() + requeueAfterMs });
    else for (const event of published) this.#deliver(event);
    clock.advance(this.#one([0, 0, this.#below(3_000)]));
  }

  #deliver(event: PlatformEvent): void {
    if (event.type === 'DeploymentCompleted' || event.type === 'DeploymentFailed') {
      this.ends.get(event.data.requestId)?.add(event.id);
    }
    this.#pending.push({ event, due: this.world.clock.now() });
  }

  #below(bound: number): number {
    return Math.floor(this.#random() * bound);
  }

  #one<T>(all: readonly T[]): T {
    // Nobody asks for one of none.
    return all[this.#below(all.length)] as T;
  }
}

it.each(Array.from({ length: SEEDS }, (_, seed) => seed))('any requests for containers: %d', async (seed) => {
  const walk = new Walk(seed);

  await walk.run();

  const { world, ends } = walk;
  expect([...ends.values()].map(({ size }) => size)).toEqual([...ends].map(() => 1));
  const { state, containers } = await world.cluster.rollout({ namespace: 'shop', deployment: 'web' });
  expect(state).toBe('complete');
  const { knownGoodImages, failingSince, unverified } = await world.record();
  expect({ failingSince, unverified }).toEqual({ failingSince: undefined, unverified: [] });
  for (const [name, [good]] of Object.entries(knownGoodImages)) {
    expect(containers).toContainEqual(expect.objectContaining({ name, image: good?.image }));
  }
});
