/** `platform-events explain`: a release, and why it came to what it came to. */

import type { ReleaseExplanation } from '../../api/explain.ts';
import type { AppClient } from '../../client/app-client.ts';
import { NotFoundError } from '../../errors.ts';
import { parseReference } from '../../events/identity.ts';
import type { ExplanationJson } from '../../status/explain/explanation-json.ts';
import { print, printJson, readFlags, wrongCall } from '../../terminal/command.ts';
import type { CliCommand } from '../cli-command.ts';
import { appAt, COMMON, COMMON_USAGE } from '../options.ts';
import { explanationText } from './explanation-text.ts';

const USAGE = `usage: platform-events explain CLUSTER/NAMESPACE/DEPLOYMENT
       platform-events explain REQUEST

Tells why the newest release of a deployment, or that of a request, came to what
it came to. A request is named by its id, or by 'SOURCE ID'.

  --id ID                the request's id, when it looks like something else
  --source URI           the request's source, where several sources use the id
${COMMON_USAGE}`;

const FLAGS = { ...COMMON, id: { type: 'string' }, source: { type: 'string' } } as const;

export const explainCommand: CliCommand = {
  ...{ name: 'explain', summary: 'tell why a release came to what it came to' },
  ...{ usage: USAGE, flags: FLAGS, run: explain },
};

/** @throws UsageError @throws NotFoundError when no such release is known @throws PermanentError when several have the id */
async function explain(args: string[]): Promise<void> {
  const { values, positionals } = readFlags(USAGE, FLAGS, { args, words: 2 });
  const { id, source, json } = values;
  const app = appAt(values);
  const isByFlags = id !== undefined && positionals.length === 0;
  if (!isByFlags && (id !== undefined || source !== undefined || positionals.length === 0)) {
    throw wrongCall(USAGE, 'expected a deployment, a request, or --id and perhaps --source');
  }
  const found = isByFlags ? await app.explain({ id, source }) : await namedBy(positionals.join(' '), app);
  if (json) printJson(found);
  // What the app makes of its own; its tests hold that against the schema that this type comes from.
  else print(explanationText(found as ExplanationJson));
}

const TARGET = /^[^/ ]+\/[^/ ]+\/[^/ ]+$/;

/** By what people write of it. An id may look like a deployment. */
async function namedBy(words: string, app: AppClient): Promise<ReleaseExplanation> {
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
