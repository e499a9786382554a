/** After what time the Functions host ends a function: what host.json says, or the setting that overrides it. */
import { readFileSync } from 'node:fs';
import { parseJson } from './json.ts';

/** On Flex Consumption, when nothing says otherwise. */
const DEFAULT_MS = 30 * 60_000;

/** `[d.]hh:mm[:ss[.fffffff]]`, as .NET writes it. */
const TIME_SPAN = /^(?:(\d+)\.)?(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d{1,7})?)?$/;

/** Of the app in the working directory, in milliseconds; `Infinity` for none. What cannot be read is the host's to refuse. */
export function functionTimeoutMs(environment: Readonly<Record<string, string | undefined>>): number {
  const names = Object.keys(environment).filter((name) => /^AzureFunctionsJobHost(__|:)functionTimeout$/i.test(name));
  const value = names.map((name) => environment[name]).find((text) => text !== undefined) ?? inHostJson();
  if (value === undefined) return DEFAULT_MS;
  if (value === '-1') return Number.POSITIVE_INFINITY;
  const match = TIME_SPAN.exec(value);
  if (!match) return DEFAULT_MS;
  const [days = 0, hours = 0, minutes = 0, seconds = 0] = match.slice(1).map((part) => Number(part ?? 0));
  return (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1_000;
}

function inHostJson(): string | undefined {
  try {
    const { functionTimeout } = Object(parseJson(readFileSync('host.json', 'utf8')));
    return typeof functionTimeout === 'string' ? functionTimeout : undefined;
  } catch {
    return undefined;
  }
}
