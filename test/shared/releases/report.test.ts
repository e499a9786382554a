/** What an event of ours, and a notification, say of a release, whatever the cluster said. */
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../../shared/config.ts';
import { newEvent } from '../../../shared/events/cloud-event.ts';
import { DeploymentFailed } from '../../../shared/events/deployment.ts';
import type { ReleaseRecord, ReleaseStep } from '../../../shared/releases/release-record.ts';
import { completedData, failedData, noticeOf, rolledBackData, startedData } from '../../../shared/releases/report.ts';
import { releaseAfter } from '../../support/release-records.ts';

const failing = (message: string): ReleaseStep => ({ at: 1, by: 'e', to: 'failed', reason: 'ClusterError', message });
const failed = (message: string): ReleaseRecord => releaseAfter('1', [failing(message)]);

it.each([
  ['bytes that were no UTF-8', 'no such image: caf\ufffd', 'no such image: caf?'],
  ['control characters', 'a\u0000b\u001b[2Jc', 'a b [2Jc'],
  ['half a character at its end', 'a\ud83d', 'a '],
  ['nothing', '', 'ClusterError'],
])('says what can be an event when the message holds %s', (_, said, shown) => {
  const data = failedData(failed(said));

  expect(data.message.trim()).toBe(shown.trim());
  expect(() => newEvent(DeploymentFailed, { source: '/handlers/deployment-started', data })).not.toThrow();
});

it('says no more of a message than an event may hold', () => {
  const data = failedData(failed('x'.repeat(5_000)));

  expect(data.message).toBe('x'.repeat(4_096));
  expect(() => newEvent(DeploymentFailed, { source: '/handlers/deployment-started', data })).not.toThrow();
});

describe('the data of an event', () => {
  const whose = { requestId: '1', requestSource: '/ci' };
  const asked = { namespace: 'shop', deployment: 'web', image: 'ghcr.io/shop/web:1' };

  it('says which image was there before, when that is known', () => {
    const requested: ReleaseStep = { to: 'requested', at: 0, by: 'e', previousImage: 'ghcr.io/shop/web:0' };

    expect(startedData(releaseAfter('1', [requested]))).toMatchObject({
      ...{ ...asked, ...whose },
      previousImage: 'ghcr.io/shop/web:0',
    });
    expect(startedData(releaseAfter('1', ['requested']))).not.toHaveProperty('previousImage');
  });

  it('counts the time of a completion from its start', () => {
    const completed: ReleaseStep = { to: 'completed', at: 0, by: 'e', images: [], replicas: 3, revision: '7' };

    expect(completedData(releaseAfter('1', ['requested', 'started', completed]))).toMatchObject({
      ...{ ...asked, ...whose },
      ...{ durationSeconds: 1, replicas: 3, revision: '7' },
    });
    expect(completedData(releaseAfter('1', ['requested', 'started', 'completed']))).not.toHaveProperty('revision');
  });

  it('counts the time of a failure from its start, or from its request when it never started', () => {
    expect(failedData(releaseAfter('1', ['requested', 'started', 'failed']))).toMatchObject({
      ...{ ...asked, ...whose },
      ...{ durationSeconds: 1, reason: 'DeadlineExceeded', message: 'not ready' },
    });
    expect(failedData(releaseAfter('1', ['requested', 'failed'])).durationSeconds).toBe(1);
    expect(failed('no').steps.length && failedData(failed('no')).durationSeconds).toBe(0);
  });

  it('counts the time of a rollback from the failure, and says what is restored', () => {
    const steps = ['requested', 'started', 'failed', 'rolling-back'] as const;
    const both = ['web', 'proxy'].map((name) => ({ name, image: `ghcr.io/shop/${name}:0` }));
    const restored: ReleaseStep = { to: 'rolled-back', at: 0, by: 'e', images: both };

    const one = rolledBackData(releaseAfter('1', [...steps, 'rolled-back']));
    expect(one).toMatchObject({
      ...{ ...whose, image: 'ghcr.io/shop/web:0', failedImage: 'ghcr.io/shop/web:1' },
      ...{ reason: 'DeadlineExceeded: not ready', durationSeconds: 2 },
    });
    expect(one).not.toHaveProperty('restored');
    expect(rolledBackData(releaseAfter('1', [...steps, restored]))).toMatchObject({ restored: both });
  });
});

describe('a notification', () => {
  const config = parseConfig({ services: [{ name: 'web', team: 'shop-team', workloads: ['*/shop/web'] }] });
  const notice = { what: 'failed', severity: 'warning', title: 'T', text: 't', facts: { More: 'm' } } as const;
  const release = releaseAfter('1', ['requested']);
  const factsOf = (more: Partial<ReleaseRecord>, data: Partial<ReleaseRecord['data']> = {}) =>
    noticeOf({ ...release, data: { ...release.data, ...data }, ...more }, undefined, config, notice).facts;

  it('has a key of its own for each target, release and cause', () => {
    const { namespace, deployment, image } = release.data;
    const bare = { ...release, data: { namespace, deployment, image } };

    expect(noticeOf(bare, undefined, config, notice)).toStrictEqual({
      ...{ severity: 'warning', title: 'T', text: 't', team: 'shop-team', key: 'default/shop/web/1/failed' },
      facts: { Target: 'default/shop/web', Image: 'ghcr.io/shop/web:1', Request: '/ci 1', More: 'm' },
    });
    expect(noticeOf(release, undefined, parseConfig({}), notice)).not.toHaveProperty('team');
  });

  it('says who asked, by their own word, and who sent it, by ours', () => {
    const requestedBy = { requestedBy: 'ana' };

    expect(factsOf({}, requestedBy)).toMatchObject({ 'Requested by': 'ana' });
    expect(factsOf({}, requestedBy)).not.toHaveProperty('Sent by');
    expect(factsOf({ sentBy: 'ci' }, requestedBy)).toMatchObject({ 'Requested by': 'ana (sent by ci)' });
    expect(factsOf({ sentBy: 'ci' }, requestedBy)).not.toHaveProperty('Sent by');
    expect(factsOf({ sentBy: 'ci' }, { requestedBy: undefined })).toMatchObject({ 'Sent by': 'ci' });
  });

  it('says by whose word a freeze did not hold it back, and of which commit it is', () => {
    const override = { by: 'ben', reason: 'a fix' };
    const requested: ReleaseStep = { to: 'requested', at: 0, by: 'e', overrode: 'spent', override };
    const commit = { sha: 'a1b2c3d', timestamp: '2026-03-01T00:00:00Z' };

    expect(factsOf({ steps: [requested] }, { commit })).toMatchObject({
      ...{ Override: 'a fix (by ben)', Commit: 'a1b2c3d', More: 'm' },
    });
    expect(factsOf({}, { commit: undefined })).not.toHaveProperty('Commit');
    expect(factsOf({})).not.toHaveProperty('Override');
  });
});
