/** `platform-events audit`: who did what over HTTP, newest first. */
import { oneLine } from '../shown-text.ts';
import { dim, print, printJson, readFlags, red } from '../terminal/command.ts';
import { appAt, COMMON, durationFlag } from './options.ts';

export const AUDIT_FLAGS = { ...COMMON, since: { type: 'string', default: '7d' }, who: { type: 'string' } } as const;

/** @throws UsageError */
export async function audit(usage: string, args: string[]): Promise<void> {
  const { values } = readFlags(usage, AUDIT_FLAGS, { args });
  const since = new Date(Date.now() - durationFlag('since', values.since)).toISOString();
  for await (const act of appAt(values).audit({ since, who: values.who })) {
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
}
