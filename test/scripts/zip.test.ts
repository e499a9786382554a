import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inflateRawSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { zip } from '../../scripts/zip.mjs';

const files: [string, Buffer][] = [
  ['b/ü.txt', Buffer.from('hello '.repeat(1000))],
  ['a.json', Buffer.from('{}')],
  ['empty', Buffer.alloc(0)],
];

/** Reads an archive by its central directory, as every unzip does. */
function unzip(archive: Buffer): Map<string, Buffer> {
  const end = archive.lastIndexOf('PK\x05\x06', undefined, 'latin1');
  const found = new Map<string, Buffer>();
  let at = archive.readUInt32LE(end + 16);
  for (let left = archive.readUInt16LE(end + 10); left > 0; left--) {
    const [packed, length, local] = [20, 28, 42].map((offset) =>
      offset === 28 ? archive.readUInt16LE(at + offset) : archive.readUInt32LE(at + offset),
    ) as [number, number, number];
    const name = archive.toString('utf8', at + 46, at + 46 + length);
    const start = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28);
    found.set(name, inflateRawSync(archive.subarray(start, start + packed)));
    at += 46 + length;
  }
  return found;
}

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
