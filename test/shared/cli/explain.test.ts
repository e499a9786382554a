/** `platform-events explain` against the route, over HTTP. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { handle } from '../../../functions/http/explain.ts';
import { explainCommand } from '../../../shared/cli/explain/explain.ts';
import { NotFoundError, PermanentError } from '../../../shared/errors.ts';
import { UsageError } from '../../../shared/terminal/command.ts';
import { CheckedShop, OVERRIDE } from '../../support/checked-shop.ts';

let shop: CheckedShop;
let server: Server;
let printed: string;

beforeEach(async () => {
  shop = await CheckedShop.open();
  server = createServer(async ({ url = '' }, response) => {
    const { status = 200, headers, json, body } = await shop.platform.get(handle, url.slice(url.indexOf('?')));
    const type = { 'content-type': 'application/json', ...headers };
    response.writeHead(status, type).end(json === undefined ? body : JSON.stringify(json));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  printed = '';
  vi.spyOn(console, 'log').mockImplementation((text: string) => {
    printed += `${text}\n`;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  server.closeAllConnections();
  server.close();
});

async function explained(...args: string[]): Promise<string> {
  printed = '';
  // A server that listens on a port has such an address.
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await explainCommand.run([...args, '--url', url]);
  return printed;
}

it('tells the whole story of a release that was rolled back, in 80 columns', async () => {
  await shop.release('web', 'bad', { id: '42', requestedBy: 'ana' });
  await shop.serve(1);
  shop.failing = 0.3;
  await shop.serve(4);
  shop.failing = 0;
  await shop.serve(30);

  const text = await explained('default/shop/web');

  expect(text.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, 'UUID')).toMatchInlineSnapshot(`
    "default/shop/web: rolled back
      image     ghcr.io/shop/web:bad
      before    ghcr.io/shop/web:1
      request   /ci 42
      asked     2026-03-01T13:00:02.000Z by ana
      service   shop, team shop
      chain     UUID

    freeze
      now       frozen since 2026-03-01T13:01:03.000Z (availability): the error
                budget of 'availability' over 30d is spent: 99.516 % good of 99.900
                % promised

    steps (UTC)
      13:00:02  DeploymentRequested: completed at deployment-requested, 1 run
                requested at 13:00:02
      13:00:02  DeploymentStarted: completed at deployment-started, 2 runs
                started at 13:00:02, to be ready by 13:10:02
                completed at 13:00:04: web=ghcr.io/shop/web:bad, 1 ready, revision 2
      13:00:04  DeploymentCompleted: completed at deployment-completed, 1 run
                closed at 13:00:04
      13:02:03  DeploymentFailed: completed at deployment-failed, 2 runs
                failed at 13:02:03: SLOViolation: shop burns its error budget 9.5
                times too fast since this release ('availability', over 6h and 30m):
                nothing else changed when it began
                rolling back from 13:02:03 to web=ghcr.io/shop/web:1, revision 1
                rolled back at 13:02:05
      13:02:05  DeploymentRolledBack: completed at deployment-rolled-back, 1 run
                closed at 13:02:05

    burn
      availability: 99.9 % over 30d; error budget now overspent: 1263.2 % used
        hour before     0 of 55,000 bad     burns 0.0 x    12:05:00 to 13:00:00
        since           1,200 of 5,000 bad  burns 240.0 x  13:00:00 to 13:05:00
        after rollback  0 of 30,000 bad     burns 0.0 x    13:05:00 to 13:35:00

    pages
      13:02:03  page of availability: this release is to blame
                it began between 13:00:00 and 13:02:00
                1. ghcr.io/shop/web:bad on default/shop/web, released at 13:00:02
                decided at 13:02:03: the release of ghcr.io/shop/web:bad on
                default/shop/web is rolled back: nothing else changed when it began

    outcome
      rollback  to web=ghcr.io/shop/web:1 from 13:02:03, done at 13:02:05
      helped    yes: it burns no more

    other releases of default/shop/web
      2026-03-01 12:00:00  ghcr.io/shop/web:1 completed: /ci
                           UUID
    "
  `);
  expect(Math.max(...text.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(80);
});

it('tells of a release that was refused, and of one that somebody let through', async () => {
  shop.failing = 0.5;
  await shop.serve(20);
  await shop.release('web', '2', { id: 'refused' });
  await shop.release('web', '3', { id: 'newer', ...OVERRIDE });

  expect(await explained('refused')).toMatch(
    /^default\/shop\/web: failed\n[\s\S]*\nfreeze\n {2}refused {3}service 'shop' is/,
  );
  expect(await explained('/ci newer')).toMatch(/^ {2}override {2}a test \(approved by ada\)$/m);
  expect(await explained('/ci', 'newer')).toMatch(/^ {2}overrode {2}the error budget of 'availability'/m);
});

it('finds the same release by the deployment, by the id, by source and id, and by flags', async () => {
  await shop.release('web', '2', { id: 'shop/web/2' });

  const all = [
    await explained('default/shop/web', '--json'),
    await explained('shop/web/2', '--json'),
    await explained('/ci shop/web/2', '--json'),
    await explained('--id', 'shop/web/2', '--json'),
    await explained('--id', 'shop/web/2', '--source', '/ci', '--json'),
  ];

  expect(new Set(all).size).toBe(1);
  expect(JSON.parse(all[0] ?? '')).toMatchObject({ target: 'default/shop/web', request: { id: 'shop/web/2' } });
});

it('names all requests of an ambiguous id', async () => {
  await shop.release('web', '2', { id: '7', source: '/ci/shop' });
  await shop.release('worker', '2', { id: '7', source: '/ci/bank' });

  const failure = explained('7');

  await expect(failure).rejects.toThrow(PermanentError);
  await expect(failure).rejects.toThrow("'/ci/shop 7' on default/shop/web, '/ci/bank 7' on default/shop/worker");
});

it.each([['default/shop/none'], ['none'], ['/ci none']])('says that nothing is known of %s', async (what) => {
  await expect(explained(what)).rejects.toThrow(NotFoundError);
  await expect(explained(what)).rejects.toThrow(/^no release is known of .*none/);
});

it.each([[[]], [['web', '--id', '1']], [['--source', '/ci']], [['a', 'b', 'c']]])(
  'asks for one deployment or request instead of %j',
  async (args) => {
    await expect(explained(...args)).rejects.toThrow(UsageError);
  },
);
