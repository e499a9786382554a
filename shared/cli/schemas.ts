/** `npm run schemas`: JSON Schemas of the events and of the configuration, for other languages and for editors. */
import { join } from 'node:path';
import { configSchema } from '../config.ts';
import { eventSchemas, jsonSchemaOf } from '../events/schemas.ts';
import { print, readFlags, runCommand } from '../terminal/command.ts';
import { makeDirectory, writeTextFile } from '../terminal/flag-files.ts';
import { SCHEMAS } from '../terminal/usages.ts';

await runCommand(async () => {
  const { values } = readFlags(SCHEMAS.usage, SCHEMAS.flags);
  const config = { title: 'platform.config.json', ...jsonSchemaOf(configSchema) };
  const schemas = [...eventSchemas(), ['platform.config', config] as const];
  makeDirectory('out', values.out);
  for (const [name, schema] of schemas) {
    writeTextFile('out', join(values.out, `${name}.json`), `${JSON.stringify(schema, null, 2)}\n`);
  }
  print(`${schemas.length} schemas in ${values.out}`);
});
