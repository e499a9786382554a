/**
 * Every minute: reads how much waits in the subscriptions and in the errors queue, and whether what the app depends on
 * answers, and counts the deployments; and stores it for `/api/metrics`, `/api/health` and the pages, which must not ask the
 * broker, or look at every deployment, each time.
 */
import { onTimer } from '../../shared/on-timer.ts';
import type { Ports } from '../../shared/ports/handler.ts';
import { countDeployments, storeTotals } from '../../shared/status/deployment-totals.ts';
import { readQueues, storeReading } from '../../shared/status/queue-reading.ts';

export async function handle(ports: Ports): Promise<void> {
  const [reading, totals] = await Promise.all([readQueues(ports), countDeployments(ports)]);
  await storeReading(ports.state, reading);
  await storeTotals(ports, totals);
  // Whoever exports gauges otherwise than in `/api/metrics` takes them here: `queueFamilies(reading)` has them all.
  const { waiting = 0, oldestWaitingAt = reading.at } = reading.errors ?? {};
  if (waiting === 0) return;
  const oldestAgeSeconds = Math.round((reading.at - oldestWaitingAt) / 1_000);
  ports.log.warn('errors wait for a person', { count: waiting, oldestAgeSeconds });
}

onTimer({ name: 'read-queues', schedule: '0 * * * * *' }, handle);
