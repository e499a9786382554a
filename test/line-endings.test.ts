import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';

it('checks text out with LF on machines that ask for CRLF', () => {
  const repository = mkdtempSync(join(tmpdir(), 'line-endings-'));
  try {
    const git = (...args: string[]) => execFileSync('git', ['-c', 'core.autocrlf=true', ...args], { cwd: repository });
    const text = join(repository, 'text.ts');
    copyFileSync('.gitattributes', join(repository, '.gitattributes'));
    writeFileSync(text, 'one\ntwo\n');
    git('init', '--quiet');
    git('add', '.');
    rmSync(text);

    git('checkout-index', '--all', '--force');

    expect(readFileSync(text, 'utf8')).toBe('one\ntwo\n');
  } finally {
    rmSync(repository, { recursive: true, force: true });
  }
});
