/** What a person's act brings in the body of its request: a small JSON object. */
import { parseJson } from '../json.ts';
import type { HttpRequest } from './on-http.ts';
import { ProblemError } from './problem.ts';

const MAX_BYTES = 4 * 1024;

/** @throws ProblemError 400 for what is no JSON object, 413 for what is too large */
export async function fieldsInBody(request: HttpRequest): Promise<Readonly<Record<string, unknown>>> {
  const body = Buffer.from(await request.arrayBuffer());
  if (body.length > MAX_BYTES)
    throw new ProblemError(413, `body: expected at most ${MAX_BYTES} bytes, got ${body.length}`);
  let value: unknown;
  try {
    value = parseJson(body.toString());
  } catch (error) {
    throw new ProblemError(400, error instanceof SyntaxError ? error.message : 'expected JSON');
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  throw new ProblemError(400, 'expected a JSON object');
}

/** Answers of every act with such a body, for the reference page. */
export const WRONG_FIELD = 'A field does not fit; the title names it.';
export const TOO_LARGE = 'The body is too large.';
