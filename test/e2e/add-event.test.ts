/** What the README says of adding an event, done in a copy of the tree: three files, and nothing else changes. */
import { spawnSync } from 'node:child_process';
import { appendFileSync, cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';

const DEFINITION = `
export const CertificateExpiring = defineEvent(
  'CertificateExpiring',
  open({ service: dnsSubdomain, daysLeft: z.int().min(0) }).describe('A certificate is about to expire'),
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

const TEST = `import { expect, it } from 'vitest';
import { handle } from '../../../functions/platform/certificate-expiring.ts';
import { newEvent } from '../../../shared/events/cloud-event.ts';
import { CertificateExpiring } from '../../../shared/events/platform.ts';
import { recordingPorts } from '../../support/ports.ts';

it('says when the certificate expires', async () => {
  const event = newEvent(CertificateExpiring, { source: '/probe', data: { service: 'web', daysLeft: 7 } });
  const ports = recordingPorts({ handling: event });

  await handle(event, ports);

  expect(ports.notifications).toMatchObject([{ title: 'the certificate of web expires', text: 'in 7 days' }]);
});
`;

const copy = mkdtempSync(join(tmpdir(), 'add-event-'));
const LEFT_OUT = ['.git', '.azurite', 'coverage', 'dist', 'node_modules'];

beforeAll(() => {
  cpSync('.', copy, { recursive: true, filter: (path) => !LEFT_OUT.includes(basename(path)) });
  // A junction needs no right of its own on Windows; elsewhere it is a link like any other.
  symlinkSync(resolve('node_modules'), join(copy, 'node_modules'), 'junction');

  appendFileSync(join(copy, 'shared/events/platform.ts'), DEFINITION);
  writeFileSync(join(copy, 'functions/platform/certificate-expiring.ts'), HANDLER);
  writeFileSync(join(copy, 'test/functions/platform/certificate-expiring.test.ts'), TEST);
});

afterAll(() => rmSync(copy, { recursive: true, force: true }));

/** Runs a tool of node_modules in the copy; its exit code, and all it wrote. */
function run(tool: string, ...args: string[]) {
  // The copy's tests are a run of their own.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('VITEST')));
  const { status, stdout, stderr } = spawnSync(process.execPath, [join('node_modules', tool), ...args], {
    cwd: copy,
    encoding: 'utf8',
    env: { ...env, NO_COLOR: '1' },
  });
  return { status, output: stdout + stderr };
}

const SLOW = 60_000;

it(
  'passes the type check',
  () => expect(run('typescript/bin/tsc', '-p', '.')).toEqual({ status: 0, output: '' }),
  SLOW,
);

it(
  'passes the tests of all that follows from the catalog, and its own',
  () => {
    const tests = ['catalog', 'shared/topology', 'shared/events/', 'functions/platform/certificate-expiring'];

    const paths = tests.map((path) => `test/${path}`);
    const { status, output } = run('vitest/vitest.mjs', 'run', '--reporter', 'verbose', ...paths);

    expect(output).toContain('handles CertificateExpiring in its file');
    expect(output).toContain('says when the certificate expires');
    expect(status, output).toBe(0);
  },
  SLOW,
);
