import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { zip } from '../../scripts/zip.mjs';
import { unzip } from '../support/unzip.ts';

const files: [string, Buffer][] = [
  ['b/ü.txt', Buffer.from('hello '.repeat(1000))],
  ['a.json', Buffer.from('{}')],
  ['empty', Buffer.alloc(0)],
];

it('holds every file, in order of name', () => {
  const found = unzip(zip(new Map(files)));

  expect([...found.keys()]).toEqual(['a.json', 'b/ü.txt', 'empty']);
  for (const [name, contents] of files) expect(found.get(name)).toEqual(contents);
});

it('is the same bytes whatever the order of the files', () => {
  expect(zip(new Map(files))).toEqual(zip(new Map([...files].reverse())));
});

const hasPython = (() => {
  try {
    execFileSync('python3', ['--version']);
    return true;
  } catch {
    return false;
  }
})();

it.runIf(hasPython)('passes the checks of another zip implementation (needs python3)', () => {
  const folder = mkdtempSync(join(tmpdir(), 'zip-'));
  try {
    writeFileSync(join(folder, 'a.zip'), zip(new Map(files)));
    expect(execFileSync('python3', ['-m', 'zipfile', '-t', join(folder, 'a.zip')], { encoding: 'utf8' })).toContain(
      'Done',
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});
