/** What docs/adding-an-event.md says of adding an event, done in a copy of the tree: three files, and nothing else changes. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TreeCopy } from '../support/next-build.ts';

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

let tree: TreeCopy;

beforeAll(() => {
  tree = new TreeCopy();
  tree.addEvent();
  tree.write('test/functions/platform/certificate-expiring.test.ts', TEST);
});

afterAll(() => tree.remove());

const SLOW = 60_000;

it(
  'passes the type check',
  () => expect(tree.run('node_modules/typescript/bin/tsc', '-p', '.')).toEqual({ status: 0, output: '' }),
  SLOW,
);

it(
  'passes the tests of all that follows from the catalog, and its own',
  () => {
    const tests = ['catalog', 'shared/topology', 'shared/events/', 'functions/platform/certificate-expiring'];

    const paths = tests.map((path) => `test/${path}`);
    const { status, output } = tree.run('node_modules/vitest/vitest.mjs', 'run', '--reporter', 'verbose', ...paths);

    expect(output).toContain('handles CertificateExpiring in its file');
    expect(output).toContain('says when the certificate expires');
    expect(status, output).toBe(0);
  },
  SLOW,
);
