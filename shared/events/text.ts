/**
 * What texts must not hold. CloudEvents forbids control characters, noncharacters and halves of surrogate pairs in
 * attributes; in data, NUL and half pairs are what stores and other receivers cannot keep. U+FFFD stands where bytes were no
 * UTF-8 (the Functions host puts it there): what they were to say is lost.
 *
 * @see https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md#type-system
 */
import { InvalidEventError, type Issue } from '../errors.ts';

interface Rule {
  readonly forbidden: RegExp;
  readonly expected: string;
}

const IN_ATTRIBUTES: Rule = {
  forbidden: /[\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}\ufffd]/u,
  expected:
    'text without control characters, noncharacters, halves of surrogate pairs and U+FFFD (bytes that were no UTF-8)',
};
const IN_DATA: Rule = {
  forbidden: /[\0\p{Cs}\ufffd]/u,
  expected: 'text without NUL, halves of surrogate pairs and U+FFFD (bytes that were no UTF-8)',
};
/** What this process makes of data that was accepted: exact numbers are texts that begin with NUL (`exact-numbers.ts`). */
const IN_OWN_DATA: Rule = { ...IN_DATA, forbidden: /(?<!^)\0|^\0(?!number:[-+.\deE]+$)|[\p{Cs}\ufffd]/u };
/** A list may hold as many as it likes, and an error has to be read. */
const MAX_ISSUES = 20;

/** Nearly every text is, and this is found out faster than the rest. */
const PRINTABLE_ASCII = /^[\x20-\x7e]*$/;

/** Whether an attribute can hold a text. */
export function isAttributeText(text: string): boolean {
  return !breaks(IN_ATTRIBUTES, text);
}

/**
 * @param isOwn whether this process made the event
 * @throws InvalidEventError naming the texts of an event, names among them, that hold what they must not
 */
export function refuseForbiddenText(
  event: object,
  identity: { readonly id?: string | undefined; readonly type?: string | undefined },
  { isOwn = false } = {},
): void {
  const inData = isOwn ? IN_OWN_DATA : IN_DATA;
  const ruleOf = (name: string): Rule => (name === 'data' ? inData : IN_ATTRIBUTES);
  // Nearly always there is nothing to find, and paths take longer to write than texts to read.
  const entries = Object.entries(event);
  if (!entries.some(([name, value]) => breaks(IN_ATTRIBUTES, name) || holds(value, ruleOf(name)))) return;
  const { data, ...attributes }: { data?: unknown } = event;
  const issues = [...issuesIn(attributes, '', IN_ATTRIBUTES), ...issuesIn(data, 'data', inData)];
  throw new InvalidEventError(identity, issues.slice(0, MAX_ISSUES));
}

function breaks({ forbidden }: Rule, text: string): boolean {
  return !PRINTABLE_ASCII.test(text) && forbidden.test(text);
}

function holds(value: unknown, rule: Rule): boolean {
  if (typeof value === 'string') return breaks(rule, value);
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return value.some((one) => holds(one, rule));
  return Object.entries(value).some(([name, one]) => breaks(rule, name) || holds(one, rule));
}

function* issuesIn(value: unknown, path: string, rule: Rule): Iterable<Issue> {
  if (typeof value === 'string') {
    if (breaks(rule, value)) yield { path, value, expected: rule.expected };
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, one] of Object.entries(value)) {
      const at = path === '' ? name : `${path}.${name}`;
      if (breaks(rule, name)) yield { path: at, value: name, expected: `a name that is ${rule.expected}` };
      else yield* issuesIn(one, at, rule);
    }
  }
}
