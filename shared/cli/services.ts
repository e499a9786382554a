/** `platform-events services`: how the services keep their objectives; `unfreeze` and `override` let releases of a frozen one through. */

import type { ServiceEntry } from '../api/services.ts';
import { oneLine } from '../shown-text.ts';
import { budgetWords } from '../slo/budget-text.ts';
import {
  bold,
  columns,
  fitted,
  green,
  print,
  printJson,
  readFlags,
  red,
  terminalWidth,
  wrongCall,
  yellow,
} from '../terminal/command.ts';
import type { CliCommand } from './cli-command.ts';
import { appAt, COMMON, COMMON_USAGE, wrongWord } from './options.ts';

const USAGE = `usage: platform-events services [command] [options]

  list                   the services: error budget, alerts, freeze; also
                         without a command
  unfreeze SERVICE       end the freeze of a service
  override SERVICE       let one release of it through its freezes, within a day

  --service NAME         of list: only this service
  --reason TEXT          of unfreeze and override: why, for the audit log
  --for 2h               of override: every release in that time, at most 7d
  --target CLUSTER/NAMESPACE/DEPLOYMENT
                         of override: this deployment of the service alone
${COMMON_USAGE}`;

const FLAGS = {
  ...COMMON,
  service: { type: 'string' },
  reason: { type: 'string' },
  for: { type: 'string' },
  target: { type: 'string' },
} as const;

export const servicesCommand: CliCommand = {
  ...{ name: 'services', summary: 'show error budgets and freezes; end or pass a freeze' },
  ...{ usage: USAGE, flags: FLAGS, run: runServices },
};

/** @throws UsageError */
async function runServices(args: string[]): Promise<void> {
  const { values, positionals } = readFlags(USAGE, FLAGS, { args, words: 2 });
  const [command = 'list', service] = positionals;
  const { reason, target, for: lasting, json } = values;
  const app = appAt(values);
  switch (command) {
    case 'list': {
      if (service !== undefined) throw wrongCall(USAGE, `unexpected argument '${service}'`);
      const found = await app.services(values.service);
      if (!json) return print(servicesTable(found, terminalWidth()));
      for (const one of found) printJson(one);
      return;
    }
    case 'unfreeze':
      if (service === undefined || reason === undefined) throw wrongCall(USAGE, 'expected a service and --reason');
      if (target !== undefined || lasting !== undefined)
        throw wrongCall(USAGE, 'unfreeze takes no --target and no --for');
      await app.unfreeze(service, reason);
      if (json) printJson({ service, isFrozen: false });
      else print(`${green('unfrozen')}  ${service}`);
      return;
    case 'override': {
      if (service === undefined || reason === undefined) throw wrongCall(USAGE, 'expected a service and --reason');
      const { until, isForOne } = await app.override(service, { reason, target, for: lasting });
      if (json) return printJson({ service, target, until, isForOne });
      return print(
        `${green('overridden')}  ${target ?? service}  ${isForOne ? 'for one release, ' : ''}until ${until}`,
      );
    }
    default:
      throw wrongWord(USAGE, command, ['list', 'unfreeze', 'override']);
  }
}

/** A line an objective, and one for each freeze. @param width in columns, at least 80 */
export function servicesTable(services: readonly ServiceEntry[], width: number): string {
  if (services.length === 0) return 'no service matches';
  const lines = services.flatMap((one) => [...objectiveRows(one), ...freezeRows(one)]);
  const [head = '', ...rest] = columns([['SERVICE', 'STATE', 'OBJECTIVE', 'BUDGET'], ...lines])
    .split('\n')
    .map((line) => fitted(line, width));
  return [bold(head), ...rest.map((line, index) => coloured(line, lines[index]?.[1] ?? ''))].join('\n');
}

function objectiveRows({ service, objectives, checkedAt }: ServiceEntry): string[][] {
  return objectives.map(({ slo, target, window, alerts, errorBudgetRemaining: budget }) => {
    const name = `${oneLine(slo)} ${Number((target * 100).toFixed(4))} % over ${oneLine(window)}`;
    const isKnown = checkedAt !== undefined && budget !== undefined;
    const state = isKnown ? (worstOf(alerts) ?? 'ok') : 'unknown';
    return [oneLine(service), state, name, isKnown ? budgetWords(budget) : 'never checked'];
  });
}

function freezeRows({ service, freeze }: ServiceEntry): string[][] {
  if (!freeze) return [];
  return [[oneLine(service), 'frozen', `since ${freeze.since.slice(0, 16).replace('T', ' ')}`, oneLine(freeze.reason)]];
}

function worstOf(alerts: ServiceEntry['objectives'][number]['alerts']): string | undefined {
  return alerts.includes('page') ? 'page' : alerts[0];
}

const COLOURS: Readonly<Record<string, (text: string) => string>> = {
  ok: green,
  ticket: yellow,
  page: red,
  frozen: red,
};

function coloured(line: string, state: string): string {
  const colour = COLOURS[state];
  return colour === undefined ? line : line.replace(`  ${state}`, `  ${colour(state)}`);
}
