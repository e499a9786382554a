/** The reference pages say all that the definitions do, lead nowhere that is not there, and are known when stale. */
import { spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COMMANDS, overview } from '../../../shared/cli/commands.ts';
import { referencePages } from '../../../shared/cli/docs/pages.ts';
import { fieldsOf } from '../../../shared/cli/docs/schema-fields.ts';
import { configSchema } from '../../../shared/config.ts';
import { catalog } from '../../../shared/events/catalog.ts';
import { jsonSchemaOf } from '../../../shared/events/schemas.ts';
import { registeredRoutes } from '../../../shared/http/on-http.ts';
import { settingsSchema } from '../../../shared/settings-schema.ts';
import * as usages from '../../../shared/terminal/usages.ts';
import { subscriptionOf } from '../../../shared/topology.ts';

const root = join(import.meta.dirname, '..', '..', '..');
const docs = join(root, 'docs');
let pages: ReadonlyMap<string, string>;

beforeAll(async () => {
  const folder = join(root, 'functions', 'http');
  for (const file of readdirSync(folder)) await import(join(folder, file));
  pages = await referencePages(registeredRoutes());
});

const page = (name: string): string => pages.get(name) ?? '';
const rowOf = (name: string, first: string): string =>
  page(name)
    .split('\n')
    .find((line) => line.startsWith(`| ${first}`)) ?? '';

describe('the pages', () => {
  it.each([...catalog.keys()])('say what %s is made of', (type) => {
    const section = page('events.md').split(`### ${type}\n`)[1]?.split('\n### ')[0] ?? '';

    expect(section).toContain(`subscription and function \`${subscriptionOf(type)}\``);
    const fields = fieldsOf(jsonSchemaOf(catalog.get(type)?.definition.schema ?? configSchema));
    for (const { path, schema } of fields) {
      expect(section).toContain(`| \`${path}\``);
      expect(schema['description'], path).toBeTypeOf('string');
    }
  });

  it.each([
    [
      'DeploymentRequested',
      'Sent by whoever has the right',
      '`<cluster>/<namespace>/<deployment>`; `default/<namespace>',
    ],
    ['DeploymentStarted', 'Sent by this app', '`<cluster>/<namespace>/<deployment>`; `default/<namespace>'],
    ['HealthCheck', 'Sent by whoever has the right', '`<service>`\n'],
    ['ErrorBudgetDepleted', 'Sent by this app', '`<service>`\n'],
  ])('say who sends %s, and what its subject is made of', (type, sender, subject) => {
    const section = page('events.md').split(`### ${type}\n`)[1]?.split('\n### ')[0];

    expect(section).toContain(`- ${sender}`);
    expect(section).toContain(`- Subject: ${subject}`);
  });

  it.each(fieldsOf(jsonSchemaOf(configSchema)).map(({ path, schema }) => ({ path, schema })))(
    'describe $path of the configuration',
    ({ path, schema }) => {
      expect(schema['description']).toBeTypeOf('string');
      // A section whose fields have rows of their own has a heading instead.
      expect(page('configuration.md')).toMatch(path.includes('.') ? `| \`${path}\`` : path);
    },
  );

  it.each(Object.keys(settingsSchema.shape))('describe the setting %s', (name) => {
    const row = rowOf('settings.md', `\`${name}\``);

    expect(row).not.toBe('');
    expect(row).not.toContain('undefined');
  });

  it('mark the settings that hold secrets, and those that must be made', () => {
    expect(rowOf('settings.md', '`ServiceBus`')).toMatch(/\| yes +\|/);
    expect(rowOf('settings.md', '`Cluster`')).toMatch(/\| required +\|/);
    expect(rowOf('settings.md', '`HANDLER_TIMEOUT`')).toMatch(/\| `20s` +\| {8}\|/);
  });

  it('describe every route with its parameters and statuses', () => {
    expect(registeredRoutes().length).toBeGreaterThan(0);
    for (const { methods, route, description, query = {}, params = {}, answers } of registeredRoutes()) {
      const section = page('http-api.md')
        .split(`## ${methods.join(', ')} /api/${route}\n`)[1]
        ?.split('\n## ')[0];
      expect(section?.replace(/\s+/g, ' ')).toContain(description);
      for (const one of Object.keys({ ...query, ...params })) expect(section).toContain(`| \`${one}\``);
      for (const status of Object.keys(answers)) expect(section).toContain(`| ${status} `);
      // Every name in the route is a parameter that is described.
      expect([...route.matchAll(/\{\*?(\w+)/g)].map(([, name]) => name)).toEqual(Object.keys(params));
    }
  });
});

describe('everything in docs/', () => {
  const files = readdirSync(docs).filter((name) => name.endsWith('.md'));
  const textOf = (name: string): string => readFileSync(join(docs, name), 'utf8');
  const proseOf = (name: string): string => textOf(name).replace(/^```.*?^```$/gms, '');
  const withoutCode = (text: string): string => text.replace(/`[^`\n]*`/g, '');
  const anchorsOf = (name: string): string[] =>
    [...proseOf(name).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .replace(/\s/g, '-'),
    );

  it.each(files)('%s has no line over 120 columns but in tables, and what has no space', (name) => {
    expect(
      textOf(name)
        .split('\n')
        .filter((line) => line.length > 120 && !line.startsWith('|') && line.trim().includes(' ')),
    ).toEqual([]);
  });

  it.each(files)('%s links to what is there', (name) => {
    for (const [, file = '', anchor] of withoutCode(proseOf(name)).matchAll(
      /\]\((?!https?:)([^)#\s]*)(?:#([^)]*))?\)/g,
    )) {
      const target = file === '' ? name : file;
      expect(existsSync(join(docs, target)), `${name} → ${target}`).toBe(true);
      if (anchor) expect(anchorsOf(target), `${name} → ${target}#${anchor}`).toContain(anchor);
    }
  });
});

describe('npm run docs', () => {
  let out: string;
  beforeAll(() => {
    out = mkdtempSync(join(tmpdir(), 'docs-'));
  });
  const run = (...flags: string[]) =>
    spawnSync(process.execPath, ['scripts/run.mjs', 'shared/cli/docs', '--out', out, ...flags], {
      cwd: root,
      encoding: 'utf8',
    });
  afterAll(() => rmSync(out, { recursive: true, force: true }));

  it('writes the pages, and says with --check which one is stale', () => {
    expect(run('--check')).toMatchObject({ status: 1 });
    expect(run()).toMatchObject({ status: 0 });
    expect(readFileSync(join(out, 'http-api.md'), 'utf8')).toBe(page('http-api.md'));
    expect(run('--check')).toMatchObject({ status: 0, stderr: '' });

    appendFileSync(join(out, 'settings.md'), 'by hand\n');

    const { status, stderr } = run('--check');
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: `out of date: ${join(out, 'settings.md')}; npm run docs updates them\n`,
    });
    // It changes nothing.
    expect(readFileSync(join(out, 'settings.md'), 'utf8')).toContain('by hand');
  });
});

describe('the help of platform-events', () => {
  const flagsIn = (text: string): string[] => [...text.matchAll(/^ +--([a-z-]+)/gm)].map(([, flag = '']) => flag);

  it('has a line for every command', () => {
    for (const { name, summary } of COMMANDS) {
      expect(overview()).toMatch(new RegExp(`^  ${name} +${summary}$`, 'm'));
      expect(summary).toMatch(/^[a-z].*[^.]$/);
    }
  });

  it.each(COMMANDS)('for $name names its flags and their defaults, and no others', ({ name, usage, flags }) => {
    expect(usage.startsWith(`usage: platform-events ${name}`)).toBe(true);
    expect(flagsIn(usage).toSorted()).toEqual(Object.keys(flags).toSorted());
    for (const [flag, { default: usual }] of Object.entries(flags)) {
      if (typeof usual === 'string') expect(usage).toMatch(new RegExp(`--${flag} [^]*\\(${usual}\\)`));
    }
  });

  it.each(COMMANDS)('for $name fits in 80 columns', ({ name, usage }) => {
    // The help of the bus is shared with `npm run bus`.
    const longest = name === 'bus' ? 90 : 80;
    expect(usage.split('\n').filter((line) => line.length > longest)).toEqual([]);
  });
});

describe('the help of a command', () => {
  const { EXIT_CODES: _, ...commands } = usages;

  it.each(Object.entries(commands))(
    'of %s names its flags and their defaults, and no others',
    (_name, { usage, flags }) => {
      const lines = [...usage.matchAll(/^ +--([a-z-]+)(.*)$/gm)].map(([, flag = '', text = '']) => ({ flag, text }));

      expect(lines.map(({ flag }) => flag)).toEqual(Object.keys(flags));
      for (const [index, flag] of Object.values<{ type: string; default?: unknown }>(flags).entries()) {
        const { text = '' } = lines[index] ?? {};
        expect(/^ [A-Z]+ /.test(text), 'takes a value').toBe(flag.type === 'string');
        if (typeof flag.default === 'string') expect(text).toContain(flag.default);
      }
    },
  );
});
