/** The Grafana dashboard asks for metrics that there are, leaves none out, and has no panel on top of another. */
import { readFileSync } from 'node:fs';
import { beforeAll, expect, it } from 'vitest';
import { handle as metrics } from '../../functions/http/metrics.ts';
import { handle as readQueuesByTimer } from '../../functions/timer/read-queues.ts';
import { startPlatform } from '../support/platform.ts';

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly datasource?: { readonly uid: string };
  readonly gridPos: Readonly<Record<'x' | 'y' | 'w' | 'h', number>>;
  readonly targets?: readonly { readonly expr: string }[];
}

const dashboard: { readonly panels: readonly Panel[] } = JSON.parse(
  readFileSync('infra/grafana-dashboard.json', 'utf8'),
);
const { panels } = dashboard;
const graphs = panels.filter(({ type }) => type !== 'row');
const expressions = graphs.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));

/** Every metric of a platform in which everything happened, with the labels of its samples. */
const exposed = new Map<string, Set<string>>();

beforeAll(async () => {
  const platform = await startPlatform({ services: [{ name: 'web', objectives: [{ target: 0.99 }] }] });
  const commit = { sha: 'a94a8fe5ccb19ba61c4c0873d391e987982fbbd3', timestamp: '2026-03-01T11:59:00Z' };
  await platform.deploy('web', '1', { commit });
  await platform.deploy('web', 'fail-2');
  await platform.check('web', 900, 1_000);
  platform.bus.broker.send('errors', [{ messageId: 'm', body: 'x', sizeBytes: 1 }]);
  await readQueuesByTimer(platform.ports);
  const { body = '' } = await platform.get(metrics);
  for (const [, name = '', labels = ''] of body.matchAll(/^(platform_\w+)(?:\{(.*)\})? \S+$/gm)) {
    const known = exposed.get(name) ?? new Set();
    for (const [, label = ''] of labels.matchAll(/(\w+)="/g)) known.add(label);
    exposed.set(name, known);
  }
});

it('asks for metrics that there are, and leaves none out', () => {
  const asked = expressions.flatMap((expr) => expr.match(/platform_\w+/g) ?? []);

  expect(exposed.size).toBeGreaterThan(20);
  expect([...new Set(asked)].sort()).toEqual([...exposed.keys()].sort());
});

it('groups by labels that those metrics have', () => {
  const grouped = expressions.flatMap((expr) =>
    [...expr.matchAll(/by \(([^)]*)\) \((platform_\w+)/g)].map(([, labels = '', name = '']) => ({ labels, name })),
  );

  expect(grouped.length).toBeGreaterThan(5);
  for (const { labels, name } of grouped)
    expect([...(exposed.get(name) ?? [])]).toEqual(expect.arrayContaining(labels.split(', ')));
});

it('says of each panel what it shows, from the data source that was chosen', () => {
  for (const { title, description = '', datasource } of graphs) {
    expect([title, description.length > 10, datasource?.uid.slice(1)]).toEqual([title, true, '{datasource}']);
  }
});

it('has no panel on top of another, and no id twice', () => {
  const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, n) => `${x + (n % w)},${y + Math.floor(n / w)}`),
  );

  expect(new Set(cells).size).toBe(cells.length);
  expect(Math.max(...panels.map(({ gridPos: { x, w } }) => x + w))).toBeLessThanOrEqual(24);
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
});
