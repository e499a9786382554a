/** An empty project of somebody else, with the npm package in it as it is packed. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

const { version }: { version: string } = JSON.parse(readFileSync('package.json', 'utf8'));

/** Packs the package. @returns the path of the tarball */
export function packNpm(): string {
  execFileSync(process.execPath, ['scripts/package-npm.mjs']);
  return resolve('dist', `platform-events-${version}.tgz`);
}

/** Nothing of the test runner's own settings. */
const ENVIRONMENT = { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', NO_COLOR: '1' };

export class ConsumerProject {
  readonly directory = mkdtempSync(join(tmpdir(), 'consumer-'));

  constructor() {
    this.write('package.json', '{ "private": true, "type": "module" }');
  }

  /** Unpacks the package beside packages of this repository, which stand for those that a registry would give. */
  unpack(tarball: string, others: readonly string[]): void {
    const packages = join(this.directory, 'node_modules');
    mkdirSync(packages);
    execFileSync('tar', ['xzf', tarball, '-C', packages]);
    renameSync(join(packages, 'package'), join(packages, 'platform-events'));
    for (const name of others) {
      mkdirSync(dirname(join(packages, name)), { recursive: true });
      symlinkSync(resolve('node_modules', name), join(packages, name), 'junction');
    }
  }

  /** The examples of the documentation, and a configuration. */
  addExamples(): void {
    for (const name of readdirSync('docs/examples').filter((one) => one.endsWith('.ts'))) {
      cpSync(join('docs/examples', name), join(this.directory, name));
    }
    cpSync('platform.config.json', join(this.directory, 'platform.config.json'));
  }

  write(file: string, text: string): void {
    writeFileSync(join(this.directory, file), text);
  }

  /** Runs a script with Node to its end. */
  run(script: string, args: readonly string[] = [], env: Readonly<Record<string, string>> = {}) {
    const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], {
      cwd: this.directory,
      encoding: 'utf8',
      env: { ...ENVIRONMENT, ...env },
    });
    return { status, output: stdout + stderr };
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** The text of a `tsconfig.json` that hides no error. */
export function strictly(module: string, others: object = {}): string {
  const compilerOptions = {
    ...{ target: 'es2022', lib: ['es2022'], types: ['node'], strict: true, skipLibCheck: false },
    ...{ exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true },
    ...{ module, outDir: 'out', rootDir: '.', ...others },
  };
  return JSON.stringify({ compilerOptions, include: ['*.ts'] });
}
