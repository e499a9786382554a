/** The pages below the overview: a deployment, a service, a chain, the errors, the audit log. */
import { beforeEach, describe, expect, it } from 'vitest';
import { unfreeze } from '../../../shared/acts/unfreeze.ts';
import { readHistory } from '../../../shared/delivery/history.ts';
import { newEvent } from '../../../shared/events/cloud-event.ts';
import { ClusterCreated } from '../../../shared/events/infrastructure.ts';
import { treesOf } from '../../../shared/status/pages/chain-page.ts';
import { httpRequest } from '../../support/http.ts';
import { getPage, pageText, textOf } from '../../support/pages.ts';
import { type Platform, startPlatform } from '../../support/platform.ts';

const services = [{ name: 'web', team: 'shop', objectives: [{ target: 0.99, rollbackOnPage: 'act' }] }];

let platform: Platform;
beforeEach(async () => {
  platform = await startPlatform({ services });
});
const read = (address: string): Promise<string> => pageText(platform.ports, address);
const linksOn = async (address: string): Promise<string[]> => {
  const { body = '' } = await getPage(platform.ports, address);
  return [...body.matchAll(/href="([^"]+)"/g)].map(([, href = '']) => href.replaceAll('&amp;', '&'));
};

/** A release that burns the budget of a service that was well, until it pages and the release goes back. */
async function burnOnce(badChecks = 6): Promise<void> {
  const check = async (count: number, good: number): Promise<void> => {
    for (let n = 0; n < count; n++) {
      await platform.check('web', good, 1_000);
      await platform.bus.advance('4m');
    }
  };
  await check(20, 1_000);
  await platform.deploy('web', '1');
  await check(6, 1_000);
  await platform.deploy('web', '2', { requestedBy: 'ada' });
  await check(badChecks, 500);
}

describe('the page of a deployment', () => {
  it('tells why a release came to what it came to: before and since, suspects, decision, rollback, and whether it helped', async () => {
    await burnOnce(3);
    for (let n = 0; n < 12; n++) {
      await platform.check('web', 1_000, 1_000);
      await platform.bus.advance('5m');
    }

    const [, story = ''] = (await read('deployments/default/shop/web')).split('Why the newest release came to this');

    const chapters = [
      /Request ghcr\.io\/shop\/web:2 was asked for at [\d:]+ by ada, in the place of ghcr\.io\/shop\/web:1/,
      /Freeze web is frozen now, since/,
      /Rollout Completed at .* Failed at .* SLOViolation: /,
      /the hour before [\d: ]+ to [\d: ]+ 0 of \d+ 0\.0 × .* since then .* 50\.0 × .* after the rollback .* 0\.0 ×/,
      /Page of availability: this release is to blame It paged at/,
      /Decided at [\d:]+: the release of ghcr\.io\/shop\/web:2 on default\/shop\/web is rolled back: .* Weighed, the likeliest first: ghcr\.io\/shop\/web:2 on default\/shop\/web, released/,
      /Rollback To ghcr\.io\/shop\/web:1, begun at .* done at/,
      /Did it help\? Yes: it burns no more\./,
    ];
    for (const chapter of chapters) expect(story).toMatch(chapter);
  });

  it('tells it of an older release too, and of one that was refused for a freeze', async () => {
    await burnOnce();
    await platform.deploy('web', '3');

    const newest = await read('deployments/default/shop/web');
    expect(newest).toMatch(
      /Why the newest release came to this Request .*web:3 .* Freeze It was refused: .* Rollout Failed at .* Frozen: /,
    );

    const older = (await linksOn('deployments/default/shop/web')).filter((href) => href.includes('release='));
    expect(older).toHaveLength(2);
    const first = await read(older[1]?.replace('/api/dashboard/', '') ?? '');
    expect(first).toMatch(
      /Why this release came to this The newest release Request ghcr\.io\/shop\/web:1 was asked for/,
    );
    expect(first).toMatch(/The next release ghcr\.io\/shop\/web:2, asked for at .*: rolled back\./);
  });

  it('has each step of its releases with its event, attempts, time and reason', async () => {
    await platform.deploy('web', '1', { requestedBy: 'ada' });
    await platform.deploy('web', 'fail-2');

    const page = await read('deployments/default/shop/web');

    expect(page).toMatch(
      /default\/shop\/web rolled back .* web ghcr\.io\/shop\/web:1 ghcr\.io\/shop\/web:1 as it should/,
    );
    const [, first = '', second = ''] = page.split(
      /ghcr\.io\/shop\/web:(?:fail-2|1) (?=rolled back asked|completed asked)/,
    );
    expect(first).toMatch(
      /requested 12:10:00 by DeploymentRequested rolling out 12:10:00 after 0 ms by DeploymentStarted, run \d times failed 12:10:0\d after \d s by DeploymentStarted, run \d times DeadlineExceeded: .* rolling back .* by DeploymentFailed.* to ghcr\.io\/shop\/web:1 rolled back .* closed .* by DeploymentRolledBack/,
    );
    expect(second).toMatch(
      /by ada · .* completed 12:00:0\d after .* 1 replica, revision 1 closed .* by DeploymentCompleted/,
    );
  });

  it('tells what runs from what should, when somebody else has changed it', async () => {
    await platform.deploy('web', '1');
    const change = { requestId: 'x', rank: '9', changeCause: 'by hand' };
    const containers = [{ image: 'ghcr.io/shop/web:9' }];
    await platform.ports.clusters.get('default').apply({ namespace: 'shop', deployment: 'web', containers, ...change });

    const page = await read('deployments/default/shop/web');

    expect(page).toMatch(/web Container Runs|web ghcr\.io\/shop\/web:9 ghcr\.io\/shop\/web:1 not what is known good/);
  });

  it('is there although the cluster is not', async () => {
    await platform.deploy('web', '1');
    const get = (): never => {
      throw new Error('no route to host');
    };

    const page = await pageText({ ...platform.ports, clusters: { names: [], get } }, 'deployments/default/shop/web');

    expect(page).toMatch(
      /not seen The cluster could not be asked: .*no route to host .* web unknown ghcr\.io\/shop\/web:1/,
    );
  });

  it('is 404 for one that nobody has asked for', async () => {
    expect(await getPage(platform.ports, 'deployments/default/shop/nobody')).toMatchObject({ status: 404 });
  });
});

describe('the list of deployments', () => {
  it('has the failing first, then the refused, and those under way before those at rest', async () => {
    const own = await startPlatform({ policies: { deployment: { registries: ['ghcr.io/shop'] } } });
    await own.deploy('a-quiet', '1');
    await own.deploy('b-refused', '1', { image: 'example.com/x:1' });
    await own.deploy('c-failing', 'fail-1');

    const page = await pageText(own.ports, 'deployments');

    expect(page.match(/default\/shop\/[abc]-\w+/g)).toEqual(
      ['c-failing', 'b-refused', 'a-quiet'].map((name) => `default/shop/${name}`),
    );
  });

  it('goes on from page to page, and each deployment is on one', async () => {
    for (let n = 0; n < 60; n++) await platform.deploy(`app-${n}`, '1');

    const first = await read('deployments');
    const next = (await linksOn('deployments')).find((href) => href.includes('after='))?.replace('/api/dashboard/', '');
    const second = await read(next ?? '');

    const names = [first, second].flatMap((page) => page.match(/default\/shop\/app-\d+/g) ?? []);
    expect(new Set(names).size).toBe(60);
    expect(names).toHaveLength(60);
    expect(second).not.toContain('Next page');
  });

  it('finds by the beginning of a target', async () => {
    for (const name of ['web', 'web-admin', 'wep', 'api']) await platform.deploy(name, '1');

    const page = await read('deployments?q=default/shop/web');

    expect(page.match(/default\/shop\/[\w-]+(?= completed)/g)).toEqual(['default/shop/web', 'default/shop/web-admin']);
  });
});

describe('the page of a service', () => {
  it('has its budget, its burn rates, what was released and what was weighed', async () => {
    await burnOnce();

    const { body = '' } = await getPage(platform.ports, 'services/web');
    const page = textOf(body);

    expect(page).toMatch(/web page ticket frozen Frozen No release is let through since/);
    expect(page).toMatch(/Error budget since the first check, of 30d\. \d+ of \d+ events were bad/);
    expect(page).toMatch(/Burn rate over the last 8 hours\. At worst the budget burnt 50\.0 times too fast/);
    expect(page).toMatch(/page, 1h and 5m \d+\.\d\d 50\.00 14\.4 fires/);
    expect(page).toMatch(/What was weighed .* To blame: the release of ghcr\.io\/shop\/web:2 .* It began between/);
    for (const mark of ['release', 'rollback', 'frozen', 'onset']) expect(body).toContain(`class="${mark}"`);
  });

  it('has the freezes that are over, on the charts too', async () => {
    await burnOnce();
    const asked = httpRequest({ method: 'POST', path: '/' });
    await unfreeze('web', { reason: 'ours' }, asked, platform.ports);
    await platform.bus.advance('30m');
    await platform.check('web', 1_000, 1_000);

    const { body = '' } = await getPage(platform.ports, 'services/web');

    expect(textOf(body)).toMatch(
      /Freezes that are over .* \d\d:\d\d:\d\d \d\d:\d\d:\d\d \d+ min availability the error budget of 'availability' over 30d is spent/,
    );
    const stripes = [
      ...body.matchAll(/class="frozen" x="([\d.]+)" width="([\d.]+)" y[^>]*><title>frozen for availability from/g),
    ];
    expect(stripes).toHaveLength(2);
    for (const [, x, width] of stripes) expect(Number(x) + Number(width)).toBeLessThan(995);
  });

  it('says of one that was never checked that nothing is known', async () => {
    expect(await read('services/web')).toMatch(
      /web never checked .* nothing is known of its budget, and no alert can fire/,
    );
  });

  it('is 404 for one that nobody knows', async () => {
    expect(await getPage(platform.ports, 'services/nobody')).toMatchObject({ status: 404 });
  });
});

describe('the page of a chain', () => {
  it('is a tree of what followed from what, with how long it took', async () => {
    await platform.deploy('web', '1');
    await platform.deploy('web', 'fail-2');
    const { records } = await readHistory(platform.ports.state, { limit: 1 });

    const page = await read(`chain?id=${records[0]?.correlationId}`);

    expect(page).toMatch(/What followed from DeploymentRequested .* Took \d\.?\d? s Events 4/);
    expect(page).toMatch(/DeploymentRequested .*DeploymentStarted .*DeploymentFailed .*DeploymentRolledBack/);
    const { body = '' } = await getPage(platform.ports, `chain?id=${records[0]?.correlationId}`);
    expect(body.match(/<ul( class="tree")?><li>/g)?.length).toBeGreaterThanOrEqual(4);
  });

  it('puts events that name each other, or nobody who is known, beside each other', async () => {
    const event = (id: string, causationid?: string) => {
      const data = { clusterName: 'c', region: 'r' };
      return {
        ...newEvent(ClusterCreated, { id, source: '/x', data, correlationid: 'c' }),
        ...(causationid && { causationid }),
      };
    };
    await platform.bus.publishAll([event('a', '/x b'), event('b', '/x a'), event('c', '/x nobody')]);
    await platform.bus.advance('1m');
    const { records } = await readHistory(platform.ports.state, { correlationId: 'c', limit: 10 });

    const roots = treesOf(records).map((node) => node.records[0]?.id);

    expect(roots.sort()).toEqual(['a', 'b', 'c']);
  });

  it('is 404 when nothing is known of it', async () => {
    expect(await getPage(platform.ports, 'chain?id=nobody')).toMatchObject({ status: 404 });
  });
});

describe('the errors', () => {
  beforeEach(() => {
    const body = JSON.stringify({ id: 'e', source: '/ci', type: 'HealthCheck', subject: 'web', data: { '<b>': '"' } });
    for (let n = 0; n < 60; n++) {
      const applicationProperties = { DeadLetterReason: n % 3 === 0 ? 'Unexpected' : 'InvalidEvent' };
      const entry = { subject: 'HealthCheck', body: Buffer.from(body), sizeBytes: body.length };
      platform.bus.broker.send('errors', [{ ...entry, messageId: `m-${n}`, applicationProperties }]);
    }
  });

  it('are grouped, and each group leads to its entries alone', async () => {
    const page = await read('errors');
    expect(page).toMatch(/InvalidEvent unknown \d+ Unexpected unknown \d+/);

    const group = (await linksOn('errors')).find((href) => href.includes('reason=Unexpected')) ?? '';
    const entries = await read(group.replace('/api/dashboard/', ''));

    expect(entries).toContain('Only Unexpected in an unknown subscription');
    expect(entries.match(/entry \d+/g)).toHaveLength(20);
  });

  it('go on from page to page, and each entry is on one', async () => {
    const next = (await linksOn('errors')).find((href) => href.includes('after='))?.replace('/api/dashboard/', '');

    const both = [await read('errors'), await read(next ?? '')].flatMap((page) => page.match(/entry \d+/g) ?? []);

    expect(new Set(both).size).toBe(60);
    expect(both).toHaveLength(60);
  });

  it('have a page each, whole, with what was sent', async () => {
    const page = await read('errors/1');

    expect(page).toMatch(/Entry 1 Unexpected .* Event HealthCheck .* Next waits for you .* "data": { "<b>": "\\"" }/);
    expect(await linksOn('errors/1')).toContain('/api/dashboard/services/web');
    expect(await getPage(platform.ports, 'errors/4711')).toMatchObject({ status: 404 });
    expect(await getPage(platform.ports, 'errors/x')).toMatchObject({ status: 404 });
  });
});

it('leads with the function key of the address, and to no other app', async () => {
  await platform.deploy('web', '1');

  for (const place of ['', 'services', 'deployments', 'errors', 'events', 'audit', 'automation']) {
    const links = await linksOn(`${place}?code=the%2Fkey`);
    for (const link of links.filter((href) => !/^(#|data:)/.test(href))) {
      expect(link).toMatch(/^\/api\/dashboard.*[?&]code=the%2Fkey(&|$)/);
    }
  }
});

it.each(['nowhere', 'services/web/more', 'deployments/default', 'errors/1/2', 'automation/x'])(
  'has no page %s',
  async (address) => {
    const { status, body = '' } = await getPage(platform.ports, address);

    expect(status).toBe(404);
    expect(textOf(body)).toContain('Not found');
  },
);
