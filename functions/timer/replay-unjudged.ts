/** Every minute: replays what the broker gave up on though no handler had judged it. */
import { replayUnjudged } from '../../shared/delivery/automatic-replay.ts';
import { onTimer } from '../../shared/on-timer.ts';
import type { Ports } from '../../shared/ports/handler.ts';

export async function handle(ports: Ports): Promise<void> {
  const { replayed, discarded } = await replayUnjudged(ports);
  if (replayed + discarded > 0) ports.log.info('unjudged entries replayed', { replayed, discarded });
}

onTimer({ name: 'replay-unjudged', schedule: '30 * * * * *' }, handle);
