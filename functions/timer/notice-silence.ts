/** Every minute: notifies people of objectives that no health check has counted for in longer than they allow. */
import { onTimer } from '../../shared/on-timer.ts';
import type { Ports } from '../../shared/ports/handler.ts';
import { noticeSilence } from '../../shared/slo/silence.ts';

export async function handle(ports: Ports): Promise<void> {
  await noticeSilence(ports);
}

onTimer({ name: 'notice-silence', schedule: '45 * * * * *' }, handle);
