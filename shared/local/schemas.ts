/** `npm run schemas`: JSON Schemas of the events and of the configuration, for other languages and for editors. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { configSchema } from '../config.ts';
import { eventSchemas, jsonSchemaOf } from '../events/schemas.ts';
import { readFlags, runCommand } from './command.ts';
import { SCHEMAS } from './usages.ts';

await runCommand(async () => {
  const { values } = readFlags(SCHEMAS.usage, SCHEMAS.flags);
  const config = { title: 'platform.config.json', ...jsonSchemaOf(configSchema) };
  const schemas = [...eventSchemas(), ['platform.config', config] as const];
  await mkdir(values.out, { recursive: true });
  for (const [name, schema] of schemas) {
    await writeFile(join(values.out, `${name}.json`), `${JSON.stringify(schema, null, 2)}\n`);
  }
  console.log(`${schemas.length} schemas in ${values.out}`);
});
