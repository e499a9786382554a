/** Every import fence of biome.json is seen refusing a deliberate violation, and letting a legal import through. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { beforeAll, expect, it } from 'vitest';

/** File, an import that it may have, imports that it may not. */
const rows: readonly [file: string, legal: string, ...refused: string[]][] = [
  [
    'functions/deployment/started.ts',
    '../../shared/deployments.ts',
    './requested.ts',
    '../http/publish.ts',
    '../../shared/adapters/live.ts',
    '../../shared/local/broker.ts',
    '../../shared/settings.ts',
    '../../shared/on-http.ts',
    '../../test/support/ports.ts',
    '@azure/service-bus',
    '@azure/functions',
    'zod',
    'node:fs',
  ],
  [
    'functions/http/publish.ts',
    '../../shared/on-http.ts',
    '../../shared/on-event.ts',
    '@azure/functions',
    './history.ts',
  ],
  [
    'shared/deployments.ts',
    './ports.ts',
    './adapters/live.ts',
    './on-event.ts',
    './local/broker.ts',
    'zod',
    '../functions/http/x.ts',
  ],
  ['shared/config.ts', 'zod', './ports.ts'],
  ['shared/settings.ts', 'zod', '@azure/identity', './ports.ts'],
  ['shared/stack.ts', 'node:module', './ports.ts', 'zod'],
  ['shared/topology.ts', './events/catalog.ts', './ports.ts'],
  ['shared/ports.ts', './events/catalog.ts', './deployments.ts', '@azure/service-bus'],
  ['shared/on-event.ts', '@azure/functions', '@azure/service-bus', './adapters/service-bus.ts', './local/memory.ts'],
  ['shared/events/deployment.ts', 'zod', '../ports.ts', 'node:fs', '@azure/functions'],
  ['shared/adapters/webhook.ts', 'node:https', '@azure/service-bus', '../on-event.ts', '../local/broker.ts'],
  ['shared/adapters/service-bus.ts', '@azure/service-bus', '@azure/data-tables', '../local/amqp.ts'],
  ['shared/adapters/table-storage.ts', '@azure/data-tables', '@azure/service-bus', '../local/table.ts'],
  ['shared/adapters/kubernetes.ts', '@kubernetes/client-node', '@azure/data-tables', '../on-event.ts'],
  [
    'shared/local/broker.ts',
    './filter.ts',
    '../adapters/service-bus.ts',
    '../on-event.ts',
    '@azure/service-bus',
    'rhea',
  ],
  [
    'shared/local/functions-host/app.ts',
    '@azure/service-bus',
    '../broker.ts',
    '../../on-event.ts',
    '../../topology.ts',
  ],
  ['shared/local/main.ts', '../on-event.ts', '../../functions/deployment/started.ts', '@azure/service-bus'],
  ['shared/cli/main.ts', '../events/catalog.ts', '../on-event.ts', '@azure/service-bus'],
  ['shared/cli/docs.ts', '../local/functions-host/app.ts', '../on-event.ts', '../../functions/http/health.ts'],
  ['shared/cli/docs/events.ts', '../../topology.ts', '../../on-event.ts', '@azure/service-bus'],
];

const FORMS: readonly ((path: string) => string)[] = [
  (path) => `import { a } from '${path}';`,
  (path) => `import type { A } from '${path}';`,
  (path) => `export const load = () => import('${path}');`,
];

/** Every import of a row in every form, a line each. */
const linesOf = (paths: readonly string[]): string[] => paths.flatMap((path) => FORMS.map((form) => form(path)));

/** Which lines of which files were reported. */
let reported: ReadonlySet<string>;

beforeAll(() => {
  const folder = mkdtempSync(join(tmpdir(), 'fences-'));
  try {
    copyFileSync('biome.json', join(folder, 'biome.json'));
    for (const [file, ...paths] of rows) {
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      writeFileSync(join(folder, file), linesOf(paths).join('\n'));
    }
    const { stdout } = spawnSync(
      resolve('node_modules/.bin/biome'),
      [
        'lint',
        '--only=style/noRestrictedImports',
        '--reporter=github',
        '--max-diagnostics=none',
        '--vcs-enabled=false',
      ],
      { cwd: folder, encoding: 'utf8' },
    );
    const places = [...stdout.matchAll(/file=([^,]+),line=(\d+)/g)];
    reported = new Set(places.map(([, file = '', line]) => `${relative(folder, resolve(folder, file))}:${line}`));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

it.each(rows)('%s may import %s', (file) => {
  for (const index of FORMS.keys()) expect(reported).not.toContain(`${file}:${index + 1}`);
});

it.each(rows.flatMap(([file, _legal, ...refused]) => refused.map((path, index) => ({ file, path, index }))))(
  '$file must not import $path',
  ({ file, index }) => {
    for (const form of FORMS.keys()) {
      expect(reported).toContain(`${file}:${(index + 1) * FORMS.length + form + 1}`);
    }
  },
);
