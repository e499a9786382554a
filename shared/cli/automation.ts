/** `platform-events automation`: pauses and resumes what the platform does by itself, and shows which. */
import { userInfo } from 'node:os';
import type { AutomationState } from '../api/operations.ts';
import { oneLine } from '../shown-text.ts';
import { print, printJson, readFlags, wrongCall } from '../terminal/command.ts';
import type { CliCommand } from './cli-command.ts';
import { appAt, COMMON, COMMON_USAGE, wrongWord } from './options.ts';

const USAGE = `usage: platform-events automation <command> [options]

Whether the platform changes clusters by itself: rolls back, raises quotas.

  status                 whether it does; if not, who paused it, why, since when
  pause                  stop it; what somebody asks for is still done
  resume                 start it again

  --reason TEXT          why, for everybody to see; needed to pause and resume
  --by NAME              who (your user name; with a token, whose it is)
${COMMON_USAGE}`;

const FLAGS = { ...COMMON, reason: { type: 'string' }, by: { type: 'string' } } as const;

export const automationCommand: CliCommand = {
  ...{ name: 'automation', summary: 'pause and resume what the platform does by itself' },
  ...{ usage: USAGE, flags: FLAGS, run: automation },
};

/** @throws UsageError */
async function automation(args: string[]): Promise<void> {
  const { values, positionals } = readFlags(USAGE, FLAGS, { args, words: 1 });
  const [action] = positionals;
  const { reason, by } = values;
  const app = appAt(values);
  const show = (state: AutomationState): void => {
    if (values.json) printJson(state);
    else print(textOf(state));
  };
  switch (action) {
    case 'status':
      if (reason !== undefined || by !== undefined) throw wrongCall(USAGE, 'status takes no --reason and no --by');
      return show(await app.automation());
    case 'pause':
    case 'resume':
      if (!reason?.trim()) throw wrongCall(USAGE, 'expected --reason, which the page shows to everybody');
      return show(await app.switchAutomation({ action, by: by ?? ownName(), reason }));
    default:
      throw wrongWord(USAGE, action, ['status', 'pause', 'resume']);
  }
}

/** Nothing with a token, which says whose it is. */
function ownName(): string | undefined {
  return process.env['PLATFORM_EVENTS_TOKEN'] ? undefined : userInfo().username;
}

function textOf({ state, by = '', reason = '', since = '' }: AutomationState): string {
  if (state === 'active') return 'active: the platform rolls back and raises quotas by itself';
  return `paused by ${oneLine(by)} since ${oneLine(since)}: ${oneLine(reason)}`;
}
