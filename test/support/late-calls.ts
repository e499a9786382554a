/** What a function leaves behind: calls that were still under way when it had ended. */
import { type Gate, gated } from './process.ts';

/**
 * Runs something whose every call is answered late.
 *
 * @param work gets what makes the calls of a port late
 * @returns the calls that had no answer when it ended
 */
export async function openAfter(work: (late: <T extends object>(port: T) => T) => Promise<unknown>): Promise<string[]> {
  const open: string[] = [];
  const gate: Gate = async (call, name) => {
    open.push(name);
    for (let turn = 0; turn < 20; turn++) await undefined;
    return call().finally(() => open.splice(open.indexOf(name), 1));
  };
  await work((port) => gated(port, gate));
  return [...open];
}
