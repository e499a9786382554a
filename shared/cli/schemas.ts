/**
 * `npm run schemas`: JSON Schemas of the events and of the configuration, and the OpenAPI and AsyncAPI documents: for other
 * languages, and for editors.
 */
import { join } from 'node:path';
import { configSchema } from '../config.ts';
import { eventSchemas, jsonSchemaOf } from '../events/schemas.ts';
import { registeredRoutes } from '../http/on-http.ts';
import { loadFunctions } from '../local/functions-host/app.ts';
import { appDirectory, print, readFlags, runCommand } from '../terminal/command.ts';
import { makeDirectory, writeTextFile } from '../terminal/flag-files.ts';
import { SCHEMAS } from '../terminal/usages.ts';
import { apiDescriptions } from './docs/pages.ts';

await runCommand(async () => {
  const { values } = readFlags(SCHEMAS.usage, SCHEMAS.flags);
  const config = { title: 'platform.config.json', ...jsonSchemaOf(configSchema) };
  const schemas = [...eventSchemas(), ['platform.config', config] as const];
  makeDirectory('out', values.out);
  for (const [name, schema] of schemas) {
    writeTextFile('out', join(values.out, `${name}.json`), `${JSON.stringify(schema, null, 2)}\n`);
  }
  // The functions register their routes when they are loaded.
  await loadFunctions(appDirectory());
  const descriptions = await apiDescriptions(registeredRoutes());
  for (const [name, text] of descriptions) writeTextFile('out', join(values.out, name), text);
  print(`${schemas.length} schemas, ${[...descriptions.keys()].join(' and ')} in ${values.out}`);
});
