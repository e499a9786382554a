/** `platform-events audit`: who did what over HTTP, newest first. */
import { oneLine } from '../shown-text.ts';
import { dim, print, printJson, readFlags, red } from '../terminal/command.ts';
import type { CliCommand } from './cli-command.ts';
import { appAt, COMMON, COMMON_USAGE, timeBack } from './options.ts';

const USAGE = `usage: platform-events audit [options]

Shows who did what over HTTP, why and from where, newest first.

  --since DURATION       not older than this (7d)
  --who NAME             only acts of this caller
${COMMON_USAGE}`;

const FLAGS = { ...COMMON, since: { type: 'string', default: '7d' }, who: { type: 'string' } } as const;

export const auditCommand: CliCommand = {
  ...{ name: 'audit', summary: 'show who did what over HTTP' },
  ...{ usage: USAGE, flags: FLAGS, run: audit },
};

/** @throws UsageError */
async function audit(args: string[]): Promise<void> {
  const { values } = readFlags(USAGE, FLAGS, { args });
  const since = timeBack('since', values.since);
  let isEmpty = true;
  for await (const act of appAt(values).audit({ since, who: values.who })) {
    isEmpty = false;
    if (values.json) printJson(act);
    else {
      const { at, who, right, what, why, from, correlationId, failed } = act;
      const more = [
        why,
        failed === undefined ? undefined : red(`failed: ${oneLine(failed)}`),
        dim(`from ${oneLine(from)}`),
      ];
      const chain = correlationId === undefined ? '' : `  ${dim(oneLine(correlationId))}`;
      const texts = more.flatMap((text) => text ?? []).join('  ');
      print(`${dim(at)}  ${oneLine(who)}  ${right}  ${oneLine(what)}  ${texts}${chain}`);
    }
  }
  if (isEmpty && !values.json) print('no act matches');
}
