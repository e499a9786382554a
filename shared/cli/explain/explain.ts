/** `platform-events explain`: a release, and why it came to what it came to. */
import { NotFoundError } from '../../errors.ts';
import { parseReference } from '../../events/identity.ts';
import type { ExplanationJson } from '../../status/explain/explanation-json.ts';
import { print, printJson, readFlags, UsageError } from '../../terminal/command.ts';
import type { AppClient } from '../app-client.ts';
import { appAt, COMMON } from '../options.ts';
import { explanationText } from './explanation-text.ts';

export const EXPLAIN_FLAGS = { ...COMMON, id: { type: 'string' }, source: { type: 'string' } } as const;

/** @throws UsageError @throws NotFoundError when no such release is known @throws PermanentError when several have the id */
export async function explainCommand(usage: string, args: string[]): Promise<void> {
  const { values, positionals } = readFlags(usage, EXPLAIN_FLAGS, { args, words: 2 });
  const { id, source, json } = values;
  const app = appAt(values);
  const isByFlags = id !== undefined && positionals.length === 0;
  if (!isByFlags && (id !== undefined || source !== undefined || positionals.length === 0)) {
    throw new UsageError(`expected a deployment, a request, or --id and perhaps --source\n\n${usage}`);
  }
  const found = isByFlags ? await app.explain({ id, source }) : await namedBy(positionals.join(' '), app);
  if (json) printJson(found);
  else print(explanationText(found));
}

const TARGET = /^[^/ ]+\/[^/ ]+\/[^/ ]+$/;

/** By what people write of it. An id may look like a deployment. */
async function namedBy(words: string, app: AppClient): Promise<ExplanationJson> {
  const request = parseReference(words);
  if (request) return app.explain(request);
  if (!TARGET.test(words)) return app.explain({ id: words });
  try {
    return await app.explain({ target: words });
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
    return app.explain({ id: words }).catch(() => Promise.reject(error));
  }
}
