/** How a change in a cluster is made, and how it is judged by what the cluster shows. */
import { describe, expect, it } from 'vitest';
import { ConfigError, NotFoundError, PermanentError, RefusedError, TransientError } from '../../../shared/errors.ts';
import type { Cluster, Rollout } from '../../../shared/ports/cluster.ts';
import { applyChange } from '../../../shared/releases/apply-change.ts';
import { RecordingLog } from '../../support/ports.ts';
import { image, running, seen } from '../../support/release-records.ts';

describe('a change in a cluster', () => {
  const asked = [{ name: 'web', image: image('5') }];
  const made = (more: Partial<Rollout> = {}): Rollout =>
    seen([running('5', { requestId: 'r', isAsChanged: true })], {
      state: 'progressing',
      message: 'one of two',
      ...more,
    });

  async function statusOf(
    answers: readonly (Rollout | Error)[],
    { at = 0, refusal, containers = asked }: { at?: number; refusal?: Error; containers?: typeof asked } = {},
  ) {
    const calls: string[] = [];
    const left = [...answers];
    const rollout = async (): Promise<Rollout> => {
      calls.push('look');
      const answer = left.shift();
      if (!answer || answer instanceof Error) throw answer;
      return answer;
    };
    const change = { namespace: 'shop', deployment: 'web', containers, requestId: 'r', rank: '1', changeCause: '' };
    const status = await applyChange({
      ...{ change, since: 0, deadline: 100_000, now: () => at, requeueAfterMs: 2_000, log: new RecordingLog() },
      // Only what is asked of it here.
      cluster: () => ({ rollout }) as unknown as Cluster,
      make: async () => {
        calls.push('make');
        if (refusal) throw refusal;
      },
      before: async () => {
        for (let turn = 0; turn < 5; turn++) await undefined;
        calls.push('before');
      },
    });
    return { status, calls };
  }

  it('is made once, after what must be done before it', async () => {
    expect((await statusOf([seen([running('1')]), made()])).calls).toEqual(['look', 'before', 'make', 'look']);
    expect((await statusOf([new NotFoundError('none'), made()])).calls).toEqual(['look', 'before', 'make', 'look']);
    expect((await statusOf([made()])).calls).toEqual(['look']);
    const silent = await statusOf([new TransientError('away')]);
    expect(silent).toMatchObject({ calls: ['look'], status: { to: 'waiting', isUnseen: true } });
  });

  it.each([
    ['soon at first', made(), 0, 2_000],
    ['after a tenth of the time so far', made(), 50_000, 5_000],
    ['no later than the deadline', made(), 99_500, 500],
    ['when the cluster asks for it', new TransientError('busy', { retryAfterMs: 9_000 }), 0, 9_000],
  ])('is looked at again %s', async (_, answer, at, afterMs) => {
    expect((await statusOf([answer], { at })).status).toMatchObject({ to: 'waiting', afterMs });
  });

  it.each([
    ['the time is over', made(), 100_000, { reason: 'DeadlineExceeded', message: 'one of two' }],
    ['its rollout failed', made({ state: 'failed', message: 'no' }), 0, { reason: 'DeadlineExceeded', message: 'no' }],
    ['the cluster was silent to the end', new TransientError('away'), 100_000, { message: 'last answer: away' }],
    ['it is gone', new NotFoundError('none'), 0, { reason: 'NotFound', untouched: false }],
    ['the cluster cannot be asked', new PermanentError('no right'), 0, { reason: 'ClusterError', message: 'no right' }],
  ])('has failed when %s', async (_, answer, at, expected) => {
    const first = answer instanceof NotFoundError ? [seen([running('1')])] : [];

    expect((await statusOf([...first, answer], { at })).status).toMatchObject({ to: 'failed', ...expected });
  });

  it('is complete though the time is over', async () => {
    expect((await statusOf([made({ state: 'complete' })], { at: 100_000 })).status).toMatchObject({ to: 'ready' });
  });

  it('is waited for while a kubeconfig is being replaced', async () => {
    expect((await statusOf([new ConfigError('half a file')])).status).toMatchObject({ to: 'waiting' });
  });

  it('is untouched when the cluster says no to it', async () => {
    const refused = { at: 100_000, refusal: new RefusedError('quota') };

    expect((await statusOf([seen([running('1')])], refused)).status).toMatchObject({ to: 'failed', untouched: true });
    const unsaid = { at: 100_000, refusal: new TransientError('cut off') };
    expect((await statusOf([seen([running('1')])], unsaid)).status).toMatchObject({ to: 'failed', untouched: false });
  });

  it('is superseded by whoever sets another image, and says in which container', async () => {
    const foreign = running('6', { requestId: 'r' });
    const one = await statusOf([seen([foreign])]);
    const proxy = { name: 'proxy', image: image('5') };
    const ours = running('5', { name: 'proxy', requestId: 'r', isAsChanged: true });
    const two = await statusOf([seen([ours, foreign])], { containers: [proxy, ...asked] });

    const by = { to: 'failed', reason: 'Superseded', untouched: false };
    expect(one.status).toEqual({ ...by, message: `somebody else set the image to ${image('6')}` });
    expect(two.status).toEqual({ ...by, message: `somebody else set the image of web to ${image('6')}` });
    // An admission policy may rewrite it: that is as it was changed.
    const rewritten = running('6', { requestId: 'r', isAsChanged: true });
    expect((await statusOf([seen([rewritten])])).status).toMatchObject({ to: 'ready' });
  });
});
