/** The table of rooms against the code, and the fences that Biome makes of it against a violation of every row. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, posix, relative, resolve, sep } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { allows, covers, fencesFile, fencesText, type Room, roomOf, rooms, sourceFiles } from '../scripts/rooms.mjs';

const files = sourceFiles();

interface Import {
  readonly file: string;
  /** A source file, a package or a module of Node. */
  readonly target: string;
  readonly isType: boolean;
}

const STATEMENT =
  /^(?:import|export)\s+(type\s)?[^;'"]*?\sfrom\s+'([^']+)'|^import\s+'([^']+)'|\bimport\('([^']+)'\)/gm;

function importsOf(file: string): Import[] {
  return [...readFileSync(file, 'utf8').matchAll(STATEMENT)].map(([, type, from, bare, dynamic]) => {
    const path = from ?? bare ?? dynamic ?? '';
    const target = path.startsWith('.') ? posix.normalize(posix.join(posix.dirname(file), path)) : path;
    return { file, target, isType: type !== undefined };
  });
}

const imports = files.flatMap(importsOf);

const DECLARATION =
  /^export (?:declare )?(?:abstract )?(?:async )?(?:function\*?|const|let|class|interface|type|enum) ([\w$]+)/gm;
const LIST = /^export (?:type )?(?:const )?[{[]([^}\]]*)[}\]](?! from)/gm;

/** Overloads of a function are one declaration. */
function exportedBy(file: string): Set<string> {
  const text = readFileSync(file, 'utf8');
  const listed = [...text.matchAll(LIST)].flatMap(([, names = '']) =>
    names.split(',').map((name) => name.trim().replace(/^.* as |^type /, '')),
  );
  return new Set([...[...text.matchAll(DECLARATION)].map(([, name = '']) => name), ...listed.filter(Boolean)]);
}

describe('the code', () => {
  it('is where the table has a row for it', () => {
    expect(files.filter((file) => !roomOf(file))).toEqual([]);
  });

  it('has a file in every row', () => {
    const empty = rooms.flatMap((room) => room.rooms).filter((pattern) => !files.some((file) => covers(pattern, file)));

    expect(empty).toEqual([]);
  });

  it('imports what its row allows', () => {
    const refused = imports.filter((one) => {
      const room = roomOf(one.file);
      return room && !allows(room, one.target, one);
    });

    expect(refused.map(({ file, target, isType }) => `${file} imports ${isType ? 'a type of ' : ''}${target}`)).toEqual(
      [],
    );
  });

  it('has no circles, those of types included', () => {
    expect(circlesIn(imports)).toEqual([]);
  });

  it('gives no exported name two meanings', () => {
    const declaredIn = new Map<string, string[]>();
    for (const file of files) {
      for (const name of exportedBy(file)) declaredIn.set(name, [...(declaredIn.get(name) ?? []), file]);
    }
    // Every function file exports its handler under this name.
    declaredIn.delete('handle');

    expect(declaredIn.size).toBeGreaterThan(300);
    expect([...declaredIn].filter(([, { length }]) => length > 1)).toEqual([]);
  });

  it('names no file in its comments that does not exist', () => {
    const under = (folder: string): string[] =>
      readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name).split(sep).join('/'));
    const all = [...files, ...under('scripts'), ...under('test'), ...under('bench')];
    const isThere = (name: string): boolean => all.some((file) => file === name || file.endsWith(`/${name}`));
    const named = [...files, 'scripts/build.mjs', 'scripts/rooms.mjs'].flatMap((file) =>
      [...readFileSync(file, 'utf8').matchAll(/^\s*(?:\/?\*|\/\/).*?`([\w./-]+\.(?:ts|mjs))`/gm)].map(
        ([, name = '']) => ({ file, name }),
      ),
    );

    expect(named.length).toBeGreaterThan(3);
    expect(named.filter(({ name }) => !isThere(name))).toEqual([]);
  });

  it('keeps to about 20 files a folder', () => {
    const counts = new Map<string, number>();
    for (const file of files) counts.set(dirname(file), (counts.get(dirname(file)) ?? 0) + 1);

    expect([...counts].filter(([, count]) => count > 20)).toEqual([]);
  });
});

/** Every circle once, as its files from the one that is found first. */
function circlesIn(all: readonly Import[]): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    const start = path.indexOf(file);
    if (start >= 0) return void found.push([...path.slice(start), file].join(' -> '));
    if (done.has(file)) return;
    for (const one of all) if (one.file === file && one.target.endsWith('.ts')) visit(one.target, [...path, file]);
    done.add(file);
  };
  for (const file of files) visit(file, []);
  return found;
}

/** One place of a row, and one import of each other room, package and module that the row does not name. */
const PACKAGES = [
  '@azure/functions',
  '@azure/service-bus',
  '@azure/data-tables',
  '@kubernetes/client-node',
  'zod',
  'rhea',
  'node:fs',
];

interface Violation {
  readonly file: string;
  readonly legal: string;
  readonly refused: readonly string[];
}

function violationOf(room: Room, pattern: string): Violation {
  const example = files.find((file) => covers(pattern, file) && roomOf(file) === room) ?? '';
  const isFile = example === `${pattern}.ts`;
  const file = isFile
    ? example
    : pattern.endsWith('*')
      ? `${pattern.slice(0, -1)}violation.ts`
      : `${dirname(example)}/violation.ts`;
  const asWritten = (target: string): string => {
    if (!target.endsWith('.ts')) return target;
    const path = posix.relative(posix.dirname(file), target);
    return path.startsWith('.') ? path : `./${path}`;
  };
  const targets = [...files.filter((one) => one !== file), 'test/support/ports.ts', ...PACKAGES];
  const legal = targets.find((target) => target !== example && allows(room, target)) ?? '';
  // One of each room is enough, and all of what is named file by file.
  const perRoom = new Map<unknown, string>();
  for (const target of targets) {
    if (allows(room, target, { isType: true })) continue;
    perRoom.set(target.endsWith('.ts') ? (roomOf(target) ?? target) : target, target);
  }
  return { file, legal: legal === '' ? '' : asWritten(legal), refused: [...perRoom.values()].map(asWritten) };
}

const violations = rooms.flatMap((room) => room.rooms.map((pattern) => violationOf(room, pattern)));

const FORMS: readonly ((path: string) => string)[] = [
  (path) => `import { a } from '${path}';`,
  (path) => `import type { A } from '${path}';`,
  (path) => `export const load = () => import('${path}');`,
];

/** Every import in every form, a line each. */
const linesOf = (paths: readonly string[]): string[] => paths.flatMap((path) => FORMS.map((form) => form(path)));

describe('the fences', () => {
  /** Which lines of which files were reported. */
  let reported: ReadonlySet<string>;

  beforeAll(() => {
    const folder = mkdtempSync(join(tmpdir(), 'fences-'));
    try {
      mkdirSync(join(folder, 'scripts'));
      for (const name of ['biome.json', 'scripts/fences.json']) copyFileSync(name, join(folder, name));
      for (const { file, legal, refused } of violations) {
        mkdirSync(dirname(join(folder, file)), { recursive: true });
        writeFileSync(join(folder, file), linesOf([legal, ...refused]).join('\n'));
      }
      const only = [
        '--only=style/noRestrictedImports',
        '--reporter=github',
        '--max-diagnostics=none',
        '--vcs-enabled=false',
      ];
      const { stdout } = spawnSync(resolve('node_modules/.bin/biome'), ['lint', ...only], {
        cwd: folder,
        encoding: 'utf8',
        maxBuffer: 64 * 1024 * 1024,
      });
      const places = [...stdout.matchAll(/file=([^,]+),line=(\d+)/g)];
      reported = new Set(places.map(([, file = '', line]) => `${relative(folder, resolve(folder, file))}:${line}`));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('are those of the table: `node scripts/rooms.mjs` writes them', () => {
    expect(readFileSync(fencesFile, 'utf8')).toBe(fencesText());
  });

  it.each(violations.filter(({ legal }) => legal !== ''))('let $file import $legal', ({ file }) => {
    for (const index of FORMS.keys()) expect(reported).not.toContain(`${file}:${index + 1}`);
  });

  it.each(violations)('refuse $file what its row does not name', ({ file, refused }) => {
    const all = refused.flatMap((path, index) =>
      [...FORMS.keys()].map((form) => ({ path, line: `${file}:${(index + 1) * FORMS.length + form + 1}` })),
    );

    expect(refused.length).toBeGreaterThan(3);
    expect(new Set(all.filter(({ line }) => !reported.has(line)).map(({ path }) => path))).toEqual(new Set());
  });
});
