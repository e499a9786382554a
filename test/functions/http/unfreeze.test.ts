/** `POST /api/services/{service}/unfreeze`: needs its right and a reason, and is in the audit log. */
import { beforeEach, expect, it } from 'vitest';
import { handle as unfreeze } from '../../../functions/http/unfreeze.ts';
import { readAudit } from '../../../shared/access/audit.ts';
import type { HttpResponse } from '../../../shared/http/on-http.ts';
import type { Caller } from '../../../shared/ports/access.ts';
import { freezeOf } from '../../../shared/slo/freezes.ts';
import { respond } from '../../support/api-contract.ts';
import { httpRequest } from '../../support/http.ts';
import { type Platform, startPlatform } from '../../support/platform.ts';

const mayUnfreeze = (services: string[]): Caller => ({
  ...{ name: 'people:ada', aliases: ['people:ada'] },
  grants: [{ rights: ['unfreeze'], types: [], clusters: ['*'], namespaces: ['*'], services }],
});

let platform: Platform;
const isFrozen = async (): Promise<boolean> =>
  (await freezeOf(platform.ports.state, 'web', platform.ports.clock.now())) !== undefined;
const ask = (body: unknown, caller = mayUnfreeze(['we*'])): Promise<HttpResponse> =>
  respond('test', unfreeze, httpRequest({ method: 'POST', params: { service: 'web' }, body, caller }), platform.ports);

beforeEach(async () => {
  platform = await startPlatform({ services: [{ name: 'web', objectives: [{ target: 0.99 }] }] });
  await platform.check('web', 0, 1_000);
});

it('lets the service be released, though its budget is spent, until it is spent anew', async () => {
  expect(await isFrozen()).toBe(true);

  expect((await ask({ reason: 'measured wrongly' })).status).toBe(204);

  expect(await isFrozen()).toBe(false);
  await platform.check('web', 0, 1_000);
  expect(await isFrozen()).toBe(false);
  const { entries } = await readAudit(platform.ports.state, { limit: 9 });
  expect(entries).toMatchObject([
    { who: 'people:ada', right: 'unfreeze', what: 'services/web', why: 'measured wrongly' },
  ]);
  expect((await ask({ reason: 'again' })).status).toBe(404);
});

it.each([
  ['no body', '', mayUnfreeze(['*']), 400],
  ['no reason', {}, mayUnfreeze(['*']), 400],
  ['an empty reason', { reason: '  ' }, mayUnfreeze(['*']), 400],
  ['a reason that is no text', { reason: 5 }, mayUnfreeze(['*']), 400],
  ['a reason without end', { reason: 'x'.repeat(501) }, mayUnfreeze(['*']), 400],
  ['a reason that is more than a line', { reason: 'a\nb' }, mayUnfreeze(['*']), 400],
  ['the right for another service', { reason: 'x' }, mayUnfreeze(['checkout']), 403],
])('is refused with %s, and the service stays frozen', async (_, body, caller, status) => {
  expect((await ask(body, caller)).status).toBe(status);

  expect(await isFrozen()).toBe(true);
  expect((await readAudit(platform.ports.state, { limit: 9 })).entries).toEqual([]);
});
