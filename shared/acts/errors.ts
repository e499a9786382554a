/** Sends an entry of the errors queue to its handler again, or throws it away. */
import { audited } from '../access/audit.ts';
import { NotReplayableError, replay } from '../delivery/replay.ts';
import { ProblemError } from '../http/problem.ts';
import type { Ports } from '../ports/handler.ts';
import { type Asked, demand } from './asked.ts';

type Replayed = NonNullable<Awaited<ReturnType<typeof replay>>>;

/**
 * @param number of the entry, as the list writes it
 * @param why for the audit log, when it was asked for
 * @throws ProblemError 403 without the right, 404 when it does not exist, 409 saying why it cannot be replayed; then it stays
 */
export async function replayEntry(number: string, asked: Asked, ports: Ports, why?: string): Promise<Replayed> {
  demand(asked, 'replay', {}, 'replay');
  try {
    return await audited([{ right: 'replay', what: `errors/${number}`, why }], asked, ports, async () => {
      const sent = await replay(number, ports);
      if (!sent) throw noEntry(number);
      return sent;
    });
  } catch (error) {
    if (error instanceof NotReplayableError) throw new ProblemError(409, `not replayed: ${error.message}`);
    throw error;
  }
}

/**
 * @param why for the audit log, when it was asked for
 * @throws ProblemError 403 without the right, 404 when it does not exist
 */
export async function discardEntry(number: string, asked: Asked, ports: Ports, why?: string): Promise<void> {
  demand(asked, 'discard', {}, 'discard');
  await audited([{ right: 'discard', what: `errors/${number}`, why }], asked, ports, async () => {
    if (!(await ports.deadLetterQueue.takeDeadLetter(number))) throw noEntry(number);
    ports.log.warn('dead letter discarded', { sequenceNumber: number });
  });
}

/** The answer for an entry that does not exist. */
export function noEntry(number: string): ProblemError {
  return new ProblemError(404, `entry ${number} does not exist in the errors queue`);
}
