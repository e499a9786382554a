#!/usr/bin/env node
/**
 * `npm run actions`: packs the GitHub actions of this repository, since a workflow runs them as they are checked out. With
 * `--check` nothing is written, and the exit code is 1 when one is out of date.
 */
import './check-node.mjs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import { root } from './build.mjs';

const isCheck = process.argv.includes('--check');
/** @type {string[]} */
const stale = [];
for (const name of ['publish', 'gate']) {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [`shared/cli/pipeline/${name}.ts`],
    write: false,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    banner: { js: `// Packed by \`npm run actions\` from shared/cli/pipeline/${name}.ts; changes belong there.` },
  });
  const text = outputFiles[0]?.text ?? '';
  const file = `.github/actions/${name}/index.mjs`;
  const found = await readFile(join(root, file), 'utf8').catch(() => '');
  // A clone may have CRLF line endings.
  if (found.replaceAll('\r\n', '\n') === text) continue;
  stale.push(file);
  if (!isCheck) await writeFile(join(root, file), text);
}
if (isCheck && stale.length > 0) {
  console.error(`out of date: ${stale.join(', ')}; npm run actions updates them`);
  process.exitCode = 1;
} else console.log(stale.length > 0 ? `written: ${stale.join(', ')}` : 'the actions are up to date');
