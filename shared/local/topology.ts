/** `npm run topology`: the Service Bus entities, for the official emulator and for templates. */
import { topology } from '../topology.ts';
import { readFlags, runCommand } from './command.ts';
import { toEmulatorConfig } from './emulator-config.ts';
import { writeTextFile } from './flag-files.ts';
import { TOPOLOGY } from './usages.ts';

await runCommand(async () => {
  const { values } = readFlags(TOPOLOGY.usage, TOPOLOGY.flags);
  const text = `${JSON.stringify(values.json ? topology : toEmulatorConfig(topology), null, 2)}\n`;
  if (values.out === undefined) process.stdout.write(text);
  else writeTextFile('out', values.out, text);
});
