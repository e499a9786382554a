/** A step of a GitHub workflow: its inputs, outputs, summary, token and failure. Nothing but Node is needed. */
import { appendFileSync } from 'node:fs';
import { AppClient } from '../../client/app-client.ts';
import { describeError, faultOf } from '../../describe-error.ts';
import { PermanentError, PlatformError } from '../../errors.ts';
import { oneLine } from '../../shown-text.ts';

/** A value under `with:`; undefined when it is absent or empty. */
export function input(name: string): string | undefined {
  return process.env[`INPUT_${name.toUpperCase()}`]?.trim() || undefined;
}

/** @throws PermanentError naming the input */
export function neededInput(name: string): string {
  const value = input(name);
  if (value === undefined) throw new PermanentError(`${name}: expected a value under 'with', got nothing`);
  return value;
}

/** A line for the log of the step. One of a text from elsewhere begins with a text of ours, or it could be a command. */
export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** A value for later steps. */
export function setOutput(name: string, value: string): void {
  addTo('GITHUB_OUTPUT', `${name}=${oneLine(value)}\n`);
}

/** Adds Markdown to the summary of the job. */
export function summarise(markdown: string): void {
  addTo('GITHUB_STEP_SUMMARY', `${markdown}\n`);
}

function addTo(variable: string, text: string): void {
  const file = process.env[variable];
  if (file) appendFileSync(file, text);
}

/** A text from elsewhere as part of a table of the summary. */
export function cell(text: string): string {
  return oneLine(text).replace(/[\\`*_[\]<>|&#!~]/g, (char) => `&#${char.charCodeAt(0)};`);
}

/** The app at the input `url`, with the function key of the input `key`, or else the workflow's own token. */
export function appOfWorkflow(): AppClient {
  const url = neededInput('url');
  if (!/^https?:\/\/[^/?#@]+/.test(url)) {
    throw new PermanentError("url: expected the app's address, such as https://shop.azurewebsites.net");
  }
  const key = input('key');
  const audience = input('audience') ?? 'platform-events';
  return new AppClient(url, key === undefined ? { token: workflowToken(audience) } : { key }, {
    unreachable: 'is the input url right, and may this runner reach it?',
    address: "give the app's own address in the input url",
    unauthenticated:
      key === undefined
        ? `is there an issuer for these tokens with the audience ${audience} in access.issuers, and has the app HttpAuth=tokens?`
        : 'is the input key a function key of this app, and has the app HttpAuth=keys?',
  });
}

/** GitHub's tokens last for five minutes, which is less than some releases take. */
const TOKEN_MS = 120_000;

/** Where to get the token of this workflow. @throws PermanentError when the job may not have one */
function workflowToken(audience: string): () => Promise<string> {
  let [token, askedAt] = ['', Number.NEGATIVE_INFINITY];
  return async () => {
    if (performance.now() - askedAt < TOKEN_MS) return token;
    const url = process.env['ACTIONS_ID_TOKEN_REQUEST_URL'];
    const bearer = process.env['ACTIONS_ID_TOKEN_REQUEST_TOKEN'];
    if (!url || !bearer) {
      throw new PermanentError("this job gets no token: give it 'permissions: id-token: write', or the input key");
    }
    askedAt = performance.now();
    token = await fetchToken(`${url}${url.includes('?') ? '&' : '?'}audience=${encodeURIComponent(audience)}`, bearer);
    // Hidden in the log from now on.
    say(`::add-mask::${token}`);
    return token;
  };
}

async function fetchToken(url: string, bearer: string): Promise<string> {
  let why: string;
  try {
    const signal = AbortSignal.timeout(30_000);
    const response = await fetch(url, { headers: { authorization: `bearer ${bearer}` }, signal });
    const value: unknown = Reflect.get(Object(await response.json()), 'value');
    if (response.ok && typeof value === 'string') return value;
    why = String(response.status);
  } catch (error) {
    why = faultOf(error);
  }
  throw new PermanentError(`GitHub gives this job no token: ${why}`);
}

/** Does the work of a step. A failure is an annotation of the job, and its exit code is 1. */
export async function runStep(title: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    fail(title, error instanceof PlatformError ? error.message : describeError(error));
  }
}

/** Fails the step, and says why where people look first. */
export function fail(title: string, why: string): void {
  // The runner reads commands from lines; what would end this one is encoded.
  const text = why.replace(/%/g, '%25').replace(/\r/g, '%0D').replace(/\n/g, '%0A');
  say(`::error title=${title}::${text}`);
  summarise(`**${cell(title)} failed:** ${cell(why)}\n`);
  process.exitCode = 1;
}
