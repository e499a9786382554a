/** The templates by the Bicep CLI, where there is one; and what they read, which needs none. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findBicep, runBicep } from '../../shared/cli/bicep.ts';
import { templateInputs } from '../../shared/cli/template-inputs.ts';
import { topology } from '../../shared/topology.ts';
import { resourcesOf } from '../support/snapshot.ts';

const bicep = findBicep(process.env);

it.each([...templateInputs(topology)])('infra/%s says what the code does (npm run infra)', (name, text) => {
  expect(readFileSync(join('infra', name), 'utf8')).toBe(text);
});

const cli =
  bicep === undefined ? 'the Bicep CLI: skipped, since there is none on the PATH, nor in BICEP' : 'the Bicep CLI';

describe.skipIf(bicep === undefined)(cli, { timeout: 60_000 }, () => {
  const run = (...args: Parameters<typeof runBicep> extends [string, ...infer Rest] ? Rest : never): string =>
    runBicep(bicep ?? '', ...args);

  /** The snapshot of the example with other parameters. */
  function snapshotWith(change: (parameters: string) => string): string {
    const folder = mkdtempSync('infra/test-');
    try {
      const text = readFileSync('infra/example.bicepparam', 'utf8').replace("'main.bicep'", "'../main.bicep'");
      const parameters = join(folder, 'changed.bicepparam');
      writeFileSync(parameters, change(text));
      run('snapshot', { parameters, mode: 'overwrite' });
      return readFileSync(join(folder, 'changed.snapshot.json'), 'utf8');
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  it('builds without a warning', () => {
    expect(run('build')).toBe('');
  });

  it('lints without a warning', () => {
    expect(run('lint')).toBe('');
  });

  it('has the committed snapshot (npm run infra)', () => {
    expect(run('snapshot')).toBe('');
  });

  it('knows a snapshot that is older than its source', () => {
    const changed = snapshotWith((text) => text.replace('alwaysReadyDeployment = 1', 'alwaysReadyDeployment = 2'));

    expect(changed).toContain('"instanceCount": 2');
    expect(changed).not.toBe(readFileSync('infra/example.snapshot.json', 'utf8'));
  });

  const typesOf = (wanted: 'app' | 'publisher'): string[] =>
    topology.topics.filter(({ sender }) => sender === wanted).map(({ type }) => type);
  const giving = (types: string[]) => (text: string) =>
    text.replace("'HealthCheck', 'ResourceQuotaExceeded'", types.map((type) => `'${type}'`).join(', '));

  it('gives no publisher the right to send the app’s own types', () => {
    const types = typesOf('app');
    let problems = '';
    try {
      snapshotWith(giving(types));
    } catch (error) {
      problems = String(error);
    }

    expect(types.length).toBeGreaterThan(0);
    for (const type of types) expect(problems).toContain(`but the provided item was of type "'${type}'"`);
  });

  it('gives a publisher the right to send any of the others', () => {
    const types = typesOf('publisher');
    const text = snapshotWith(giving(types));

    expect(text.split('"principalId": "22222222-2222-2222-2222-222222222222"')).toHaveLength(types.length + 1);
  });

  it('gives nobody else a right by default, and keeps one instance ready, for HTTP', () => {
    const text = snapshotWith(() =>
      ["using '../main.bicep'", "param environmentName = 'x'", "param location = 'westeurope'"].join('\n'),
    );

    const { predictedResources } = JSON.parse(text) as { predictedResources: { type: string; properties: never }[] };
    const assignments = predictedResources.filter(({ type }) => type.endsWith('/roleAssignments'));
    const published = 3;
    expect(assignments).toHaveLength(resourcesOf('Microsoft.Authorization/roleAssignments').length - published);
    const site = predictedResources.find(({ type }) => type === 'Microsoft.Web/sites');
    expect(site?.properties).toMatchObject({
      functionAppConfig: { scaleAndConcurrency: { alwaysReady: [{ name: 'http', instanceCount: 1 }] } },
    });
  });
});
