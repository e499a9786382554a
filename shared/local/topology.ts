/** `npm run topology`: the Service Bus entities, for the official emulator and for templates. */
import { topology } from '../topology.ts';
import { readFlags, runCommand } from './command.ts';
import { toEmulatorConfig } from './emulator-config.ts';
import { writeTextFile } from './flag-files.ts';

const USAGE = `usage: npm run topology [-- options]

  (nothing)    the official emulator's Config.json
  --json       the topology itself, for templates
  --out FILE   write to a file instead of the standard output`;

await runCommand(async () => {
  const { values } = readFlags(USAGE, { json: { type: 'boolean', default: false }, out: { type: 'string' } });
  const text = `${JSON.stringify(values.json ? topology : toEmulatorConfig(topology), null, 2)}\n`;
  if (values.out === undefined) process.stdout.write(text);
  else writeTextFile('out', values.out, text);
});
