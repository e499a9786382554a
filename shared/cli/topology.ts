/** `npm run topology`: the Service Bus entities, for the official emulator and for templates. */

import { toEmulatorConfig } from '../local/service-bus/config/emulator-config.ts';
import { readFlags, runCommand } from '../terminal/command.ts';
import { writeTextFile } from '../terminal/flag-files.ts';
import { TOPOLOGY } from '../terminal/usages.ts';
import { topology } from '../topology.ts';

await runCommand(async () => {
  const { values } = readFlags(TOPOLOGY.usage, TOPOLOGY.flags);
  const text = `${JSON.stringify(values.json ? topology : toEmulatorConfig(topology), null, 2)}\n`;
  if (values.out === undefined) process.stdout.write(text);
  else writeTextFile('out', values.out, text);
});
