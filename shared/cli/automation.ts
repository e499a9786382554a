/** `platform-events automation`: pauses and resumes what the platform does by itself, and shows which. */
import { userInfo } from 'node:os';
import type { AutomationState } from '../client/app-client.ts';
import { oneLine } from '../shown-text.ts';
import { print, printJson, readFlags, UsageError } from '../terminal/command.ts';
import { appAt, COMMON } from './options.ts';

export const AUTOMATION_FLAGS = { ...COMMON, reason: { type: 'string' }, by: { type: 'string' } } as const;

/** @throws UsageError */
export async function automation(usage: string, args: string[]): Promise<void> {
  const { values, positionals } = readFlags(usage, AUTOMATION_FLAGS, { args, words: 1 });
  const [action] = positionals;
  const { reason, by } = values;
  const app = appAt(values);
  const show = (state: AutomationState): void => {
    if (values.json) printJson(state);
    else print(textOf(state));
  };
  switch (action) {
    case 'status':
      if (reason !== undefined || by !== undefined)
        throw new UsageError(`status takes no --reason and no --by\n\n${usage}`);
      return show(await app.automation());
    case 'pause':
    case 'resume':
      if (!reason?.trim()) throw new UsageError(`expected --reason, which the page shows to everybody\n\n${usage}`);
      return show(await app.switchAutomation({ action, by: by ?? userInfo().username, reason }));
    default:
      throw new UsageError(`expected pause, resume or status, got '${action ?? ''}'\n\n${usage}`);
  }
}

function textOf({ state, by = '', reason = '', since = '' }: AutomationState): string {
  if (state === 'active') return 'active: the platform rolls back and raises quotas by itself';
  return `paused by ${oneLine(by)} since ${oneLine(since)}: ${oneLine(reason)}`;
}
