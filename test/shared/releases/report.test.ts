/** What an event of ours says of a failure, whatever the cluster said. */
import { expect, it } from 'vitest';
import { newEvent } from '../../../shared/events/cloud-event.ts';
import { DeploymentFailed } from '../../../shared/events/deployment.ts';
import type { ReleaseRecord } from '../../../shared/releases/release-record.ts';
import { failedData } from '../../../shared/releases/report.ts';
import { sampleData } from '../../support/events.ts';

const failed = (message: string): ReleaseRecord => ({
  key: 'k',
  requestId: 'r',
  requestSource: '/ci',
  correlationId: 'c',
  rank: '1',
  data: { ...sampleData.DeploymentRequested, image: 'ghcr.io/shop/web:1' },
  steps: [{ at: 1, by: 'e', to: 'failed', reason: 'ClusterError', message }],
});

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
