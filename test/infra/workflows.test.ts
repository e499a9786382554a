/** The workflows run what they say and no newer; only the job that deploys may sign in to Azure. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const folder = '.github/workflows';
const textOf = (name: string): string => readFileSync(join(folder, name), 'utf8');

describe.each(readdirSync(folder))('%s', (name) => {
  it('pins every action by its commit, and says which version that is', () => {
    const uses = [...textOf(name).matchAll(/uses: (.*)/g)].map(([, what = '']) => what);

    expect(uses.length).toBeGreaterThan(0);
    for (const action of uses) expect(action).toMatch(/^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
  });

  it('may do nothing by default but read', () => {
    expect(textOf(name)).toMatch(/^permissions:\n {2}contents: read$/m);
  });

  it('puts no expression into a script, where a name could be a command', () => {
    const scripts = [...textOf(name).matchAll(/^( *)(?:- )?run: (\|\n(?:\1 .*\n|\n)*|.*)/gm)].map(([script]) => script);

    expect(scripts.length).toBeGreaterThan(0);
    for (const script of scripts) expect(script).not.toContain('${{');
  });
});

describe('deploy.yml', () => {
  const text = textOf('deploy.yml');
  const [before = '', deploy = ''] = text.split(/^ {2}deploy:$/m);

  it('signs in with a token of its environment, in the job that deploys alone', () => {
    expect(deploy).toMatch(/environment: \$\{\{ inputs\.environment \}\}/);
    expect(deploy).toMatch(/^ {6}id-token: write$/m);
    expect(before).not.toContain('id-token');
    // Without a secret of Azure's.
    expect(text.match(/secrets\.\w+/g)).toEqual(['secrets.ALERT_WEBHOOK']);
  });

  it('packages once, after the tests, and deploys that very zip', () => {
    expect(text.match(/npm run package/g)).toHaveLength(1);
    expect(before.indexOf('npm test')).toBeLessThan(before.indexOf('npm run package'));
    expect(deploy).toContain('sha256sum --check --strict');
    expect(deploy).toContain('--src platform-events.zip');
    expect(deploy).not.toContain('npm ');
  });

  it('makes the entities before the code that listens to them, and asks for its health at the end', () => {
    const steps = ['sha256sum --check', 'az deployment sub create', 'config-zip', '/api/health'].map((step) =>
      deploy.indexOf(step),
    );

    expect(steps.every((at) => at > 0)).toBe(true);
    expect(steps).toEqual([...steps].sort((a, b) => a - b));
  });
});

describe('release.yml', () => {
  const text = textOf('release.yml');
  const [before = '', publish = ''] = text.split(/^ {2}publish:$/m);

  it('signs in with a token of its environment, in the job that publishes alone, and knows no secret', () => {
    expect(publish).toMatch(/^ {4}environment: npm$/m);
    expect(publish).toMatch(/^ {6}id-token: write$/m);
    expect(before).not.toContain('id-token');
    expect(text).not.toContain('secrets.');
  });

  it('packs once, after the tests, and publishes that very tarball with its provenance', () => {
    expect(text.match(/npm run package:npm/g)).toHaveLength(1);
    expect(before.indexOf('npm run test:full')).toBeLessThan(before.indexOf('npm run package:npm'));
    expect(publish.indexOf('sha256sum --check --strict')).toBeLessThan(
      publish.indexOf('npm publish "./$FILE" --provenance'),
    );
    // Nothing of the repository, and no package, is run where the right to publish is.
    expect(publish).not.toMatch(/checkout|npm ci|npm run|npx/);
  });

  it('does nothing until a maintainer has said which name is theirs', () => {
    expect(before).toMatch(/^ {2}package:\n {4}needs: name$/m);
    expect(before).toContain('vars.NPM_PACKAGE');
  });
});
