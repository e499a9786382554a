/** Every two minutes: tells people of images that were rolled back and run again, since somebody put them back. */
import { onTimer } from '../../shared/on-timer.ts';
import type { Ports } from '../../shared/ports/handler.ts';
import { noticePutBacks } from '../../shared/releases/put-backs.ts';

export async function handle(ports: Ports): Promise<void> {
  await noticePutBacks(ports);
}

onTimer({ name: 'notice-put-backs', schedule: '20 */2 * * * *' }, handle);
