// @ts-nocheck: its packages have a lock file of their own, and are not always installed.
/**
 * Holds `docs/openapi.json` and `docs/asyncapi.json` against their specifications, with the validators of their communities.
 * Exit code 1, naming each violation, when one does not hold. `npm ci` here first. The folder
 * of the documents may be given.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Parser } from '@asyncapi/parser';
import { createConfig, lintFromString } from '@redocly/openapi-core';

const docs = process.argv[2] ?? join(import.meta.dirname, '..', '..', 'docs');
const [openapi, asyncapi] = ['openapi.json', 'asyncapi.json'].map((name) => readFileSync(join(docs, name), 'utf8'));

/** Every rule of the recommended set, warnings too; and every operation says how it can fail. */
const config = await createConfig({
  extends: ['recommended-strict'],
  rules: { 'operation-4xx-response': 'error', 'spec-strict-refs': 'error' },
});
const found = await lintFromString({ source: openapi, absoluteRef: join(docs, 'openapi.json'), config });
const problems = found.map(
  ({ ruleId, message, location: [at] }) => `openapi.json ${at?.pointer ?? ''}: ${message} (${ruleId})`,
);

const parser = new Parser();
for (const { severity, path, message, code } of await parser.validate(asyncapi)) {
  // 0 is an error, 1 a warning; what is less is advice.
  if (severity <= 1) problems.push(`asyncapi.json #/${path.join('/')}: ${message} (${code})`);
}

for (const problem of problems) console.log(problem);
console.log(problems.length === 0 ? 'both documents are valid' : `${problems.length} problems`);
process.exitCode = problems.length === 0 ? 0 : 1;
