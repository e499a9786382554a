/**
 * Characters that texts must not contain. CloudEvents forbids control characters, noncharacters and halves of surrogate
 * pairs in attributes. In data, stores and receivers cannot keep NUL and half pairs. U+FFFD replaces bytes that were
 * not UTF-8 (the Functions host does so), whose meaning is lost.
 *
 * @see https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md#type-system
 */
import { InvalidEventError, type Issue } from '../errors.ts';

interface TextRule {
  readonly forbidden: RegExp;
  readonly expected: string;
}

const IN_ATTRIBUTES: TextRule = {
  forbidden: /[\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}\ufffd]/u,
  expected:
    'text without control characters, noncharacters, halves of surrogate pairs and U+FFFD (bytes that were not UTF-8)',
};
const IN_DATA: TextRule = {
  forbidden: /[\0\p{Cs}\ufffd]/u,
  expected: 'text without NUL, halves of surrogate pairs and U+FFFD (bytes that were not UTF-8)',
};
/** Data that this process made of an accepted event: its exact numbers are texts that begin with NUL (`exact-numbers.ts`). */
const IN_OWN_DATA: TextRule = { ...IN_DATA, forbidden: /(?<!^)\0|^\0(?!number:[-+.\deE]+$)|[\p{Cs}\ufffd]/u };
/** How many issues an error lists. */
const MAX_ISSUES = 20;

/** Nearly every text matches it, and it is faster than the other patterns. */
const PRINTABLE_ASCII = /^[\x20-\x7e]*$/;

/** Whether a text is allowed in an attribute. */
export function isAttributeText(text: string): boolean {
  return !breaks(IN_ATTRIBUTES, text);
}

/**
 * @param isOwn whether this process made the event
 * @throws InvalidEventError that lists the texts and names of an event with forbidden characters
 */
export function refuseForbiddenText(
  event: object,
  identity: { readonly id?: string | undefined; readonly type?: string | undefined },
  { isOwn = false } = {},
): void {
  const inData = isOwn ? IN_OWN_DATA : IN_DATA;
  // Checked without paths first: nearly always nothing is wrong, and building paths is slow.
  if (!holdsForbidden(event, inData)) return;
  const { data, ...attributes }: { data?: unknown } = event;
  const issues = [...issuesIn(attributes, '', IN_ATTRIBUTES), ...issuesIn(data, 'data', inData)];
  throw new InvalidEventError(identity, issues.slice(0, MAX_ISSUES));
}

function holdsForbidden(event: object, inData: TextRule): boolean {
  // Not by Object.entries: this runs for every event, and the pairs take longer to make than the texts to read.
  for (const name in event) {
    const rule: TextRule = name === 'data' ? inData : IN_ATTRIBUTES;
    if (breaks(IN_ATTRIBUTES, name) || holds(Reflect.get(event, name), rule)) return true;
  }
  return false;
}

function breaks({ forbidden }: TextRule, text: string): boolean {
  return !PRINTABLE_ASCII.test(text) && forbidden.test(text);
}

function holds(value: unknown, rule: TextRule): boolean {
  if (typeof value === 'string') return breaks(rule, value);
  if (typeof value !== 'object' || value === null) return false;
  for (const name in value) if (breaks(rule, name) || holds(Reflect.get(value, name), rule)) return true;
  return false;
}

function* issuesIn(value: unknown, path: string, rule: TextRule): Iterable<Issue> {
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
