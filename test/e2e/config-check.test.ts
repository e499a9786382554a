/** `platform-events config check` and `rbac` as people call them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Command } from '../support/processes.ts';

const folder = mkdtempSync(join(tmpdir(), 'config-check-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, config: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, JSON.stringify(config));
  return path;
}

async function run(...args: string[]): Promise<{ code: number | null; output: string }> {
  const command = new Command('shared/cli/main', args);
  const code = await command.exit();
  return { code, output: command.output };
}

const namespaces = [{ namespace: 'shop', team: 'shop', environment: 'production' }];
const listed = (registries: string[], change: object = {}) => ({
  policies: { deployment: { registries } },
  clusters: { default: { namespaces } },
  ...change,
});

describe('config check', () => {
  it('says that the sample is valid for the simulated cluster alone, and what to list', async () => {
    const [real, simulated] = await Promise.all([
      run('config', 'check'),
      run('config', 'check', 'platform.config.json', '--simulated'),
    ]);

    expect(real.code).toBe(1);
    expect(real.output).toContain('policies.deployment.registries: expected the registries that images may come from');
    expect(simulated).toEqual({ code: 0, output: 'valid  platform.config.json' });
  });

  it('says what a change allows, with 3 when that is more, and 0 when it is not', async () => {
    const old = file('old.json', listed(['ghcr.io/acme']));
    const now = file('now.json', listed(['*']));

    const [wider, narrower] = await Promise.all([
      run('config', 'check', now, '--against', old),
      run('config', 'check', old, '--against', now, '--json'),
    ]);

    expect(wider.code).toBe(3);
    expect(wider.output).toContain("warning  policies.deployment.registries.0: '*' lets any image of the world run");
    expect(wider.output).toContain('newly allows  images from *');
    expect(narrower.code).toBe(0);
    expect(JSON.parse(narrower.output)).toMatchObject({ isValid: true, changes: { refuses: ['images from *'] } });
  });

  it('compares with one of before, when registries could be left out', async () => {
    const { code, output } = await run(
      'config',
      'check',
      file('a.json', listed(['ghcr.io/acme'])),
      '--against',
      file('b.json', {}),
    );

    expect(output).toContain('newly refuses  images from *');
    expect(output).toContain('newly refuses  namespaces that are not listed');
    expect(code).toBe(3);
  });

  it.each([
    ['no such file', ['/nonexistent.json'], /expected a file that can be read/],
    [
      'an old one that is not valid',
      [file('ok.json', listed(['a'])), '--against', file('bad.json', { x: 1 })],
      /^--against: .*x: /,
    ],
    ['another command', ['it'], /./],
  ])('is a wrong call with %s', async (name, args, complaint) => {
    const { code, output } = await run('config', ...(name === 'another command' ? [] : ['check']), ...args);

    expect(code).toBe(2);
    expect(output).toMatch(complaint);
  });
});

describe('rbac', () => {
  it('writes the roles of a service account', async () => {
    const config = file('rbac.json', listed(['ghcr.io/acme']));

    const { code, output } = await run('rbac', '--config', config, '--service-account', 'ops/app');

    expect(code).toBe(0);
    expect(output).toContain('kind: Role\nmetadata:\n  name: platform-events\n  namespace: "shop"');
    expect(output).toContain('  - kind: ServiceAccount\n    namespace: "ops"\n    name: "app"');
  });

  it.each([
    ['half an account', ['--service-account', 'app'], /^--service-account: expected namespace\/name/],
    ['two subjects', ['--service-account', 'ops/app', '--user', 'x'], /and no --user/],
    ['an unknown cluster', ['--cluster', 'mars'], /^unknown cluster 'mars'; known: default$/m],
  ])('refuses %s', async (_, args, complaint) => {
    const { code, output } = await run('rbac', ...args);

    expect(code).toBeGreaterThan(0);
    expect(output).toMatch(complaint);
  });
});
