/** A copy of the tree with one event more, as docs/adding-an-event.md says to add one: the next build of the app. */
import { spawnSync } from 'node:child_process';
import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import type { Topology } from '../../shared/topology.ts';

const DEFINITION = `
export const CertificateExpiring = defineEvent(
  'CertificateExpiring',
  () => described(open({ service: dnsSubdomain, daysLeft: z.int().check(z.gte(0)) }), 'A certificate is about to expire'),
  { subject: (data) => data.service },
);
`;

const HANDLER = `/** Says that a certificate is about to expire. */
import type { EventOf } from '../../shared/events/cloud-event.ts';
import { CertificateExpiring } from '../../shared/events/platform.ts';
import { onEvent } from '../../shared/on-event.ts';
import type { Handler } from '../../shared/ports/handler.ts';

export const handle: Handler<EventOf<typeof CertificateExpiring>> = async (event, { notifier }) => {
  const { service, daysLeft } = event.data;
  await notifier.notify({
    key: \`\${service}/certificate/\${event.id}\`,
    severity: 'warning',
    title: \`the certificate of \${service} expires\`,
    text: \`in \${daysLeft} days\`,
    event,
  });
};

onEvent(CertificateExpiring, handle);
`;

const LEFT_OUT = ['.git', '.azurite', 'coverage', 'dist', 'node_modules'];

/** A tool of node_modules, or a script, run in the copy; its exit code, and all it wrote. */
export interface Ran {
  readonly status: number | null;
  readonly output: string;
}

/** A copy of the tree, in a folder of its own. */
export class TreeCopy {
  readonly directory = mkdtempSync(join(tmpdir(), 'next-build-'));

  constructor() {
    cpSync('.', this.directory, { recursive: true, filter: (path) => !LEFT_OUT.includes(basename(path)) });
    // A junction needs no right of its own on Windows; elsewhere it is a link like any other.
    symlinkSync(resolve('node_modules'), join(this.directory, 'node_modules'), 'junction');
  }

  write(file: string, text: string): void {
    writeFileSync(join(this.directory, file), text);
  }

  /** Declares and handles a thirteenth event, `CertificateExpiring`. */
  addEvent(): void {
    appendFileSync(join(this.directory, 'shared/events/platform.ts'), DEFINITION);
    this.write('functions/platform/certificate-expiring.ts', HANDLER);
  }

  /** Gives the events of a release an optional field that the build before does not know. */
  addField(): void {
    const file = 'shared/events/deployment.ts';
    const before = readFileSync(join(this.directory, file), 'utf8');
    const after = before.replace(
      '  requestedBy:',
      "  ticket: described(z.optional(shortText), 'The change that asks for it'),\n  requestedBy:",
    );
    if (after === before) throw new Error(`${file}: no place for the field`);
    this.write(file, after);
  }

  run(script: string, ...args: string[]): Ran {
    // The copy's tests are a run of their own.
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('VITEST')));
    const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], {
      cwd: this.directory,
      encoding: 'utf8',
      env: { ...env, NO_COLOR: '1' },
    });
    return { status, output: stdout + stderr };
  }

  /** Builds it. @returns the entities that it needs */
  build(): Topology {
    const { status, output } = this.run('scripts/run.mjs', 'shared/cli/topology', '--json');
    if (status !== 0) throw new Error(output);
    // As the command computes it.
    return JSON.parse(output) as Topology;
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}
