/** A second checkout of this repository, elsewhere, with what is installed: for what must not depend on the place. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, linkSync, mkdirSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** @param below folders to put it in, so that two are not equally deep */
export function checkOut(below = ''): string {
  const root = join(mkdtempSync(join(tmpdir(), 'checkout-')), below);
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    encoding: 'utf8',
  });
  for (const file of listed.split('\0').filter((name) => name !== '' && existsSync(name))) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    copyFileSync(file, join(root, file));
  }
  for (const folder of installed()) linkFolder(folder, join(root, folder));
  return root;
}

/** The folders of the packages that building and packaging need. */
function installed(): string[] {
  const { packages }: { packages: Record<string, { dev?: boolean }> } = JSON.parse(
    readFileSync('package-lock.json', 'utf8'),
  );
  const isNeeded = ([folder, { dev }]: [string, { dev?: boolean }]): boolean =>
    folder !== '' &&
    (!dev || /^node_modules\/@?(esbuild|rolldown|oxc-project)(\/|$)/.test(folder)) &&
    existsSync(folder);
  return Object.entries(packages)
    .filter(isNeeded)
    .map(([folder]) => folder);
}

/** Links the files: nothing may write to them. Symbolic links, such as commands, are left out. */
function linkFolder(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) linkFolder(source, target);
    else if (entry.isFile() && !existsSync(target)) linkOrCopy(source, target);
  }
}

function linkOrCopy(source: string, target: string): void {
  try {
    linkSync(source, target);
  } catch {
    // On another disk.
    copyFileSync(source, target);
  }
}
