/**
 * The field types of the events: names, images, quantities, bounded strings. Every bound comes from an external rule,
 * which its comment names. A field's description appears in errors, as what was expected, and in the JSON Schemas. The
 * examples of the fields make up the examples of the events.
 */
import * as z from 'zod/mini';
import { described } from './described.ts';
import { MAX_ID, MAX_SOURCE } from './identity.ts';

const DNS_LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const DNS_SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** A text with a pattern. Its description serves errors of length and pattern, and the JSON Schema. */
function textLike(pattern: RegExp, longest: number, description: string, example: string): z.ZodMiniString {
  // A text that is too long gets no further check, so no pattern runs on a text without bound.
  return described(
    z
      .string({ error: description })
      .check(z.maxLength(longest, { error: description, abort: true }), z.regex(pattern, { error: description })),
    { description, examples: [example] },
  );
}

/** A namespace, team or cluster: RFC 1123 label, 1 to 63 characters. */
export const dnsLabel = textLike(
  DNS_LABEL,
  63,
  "a DNS-1123 label: lower-case letters, digits and '-', at most 63 characters",
  'shop',
);

/** A Deployment or other named object: RFC 1123 subdomain, 1 to 253 characters. */
export const dnsSubdomain = textLike(
  DNS_SUBDOMAIN,
  253,
  "a DNS-1123 subdomain: lower-case letters, digits, '-' and '.', at most 253 characters",
  'web',
);

/*
 * The grammar of an OCI image reference, [domain[:port]/]path[:tag][@digest], as the distribution project
 * documents it (https://pkg.go.dev/github.com/distribution/reference).
 */
const IMAGE_DOMAIN = String.raw`(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?`;
const IMAGE_COMPONENT = String.raw`[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*`;
const IMAGE = new RegExp(
  String.raw`^(?:${IMAGE_DOMAIN}/)?${IMAGE_COMPONENT}(?:/${IMAGE_COMPONENT})*(?::[\w][\w.-]{0,127})?(?:@(?:sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128}))?$`,
);

/** An OCI image reference with an optional tag and digest, at most 512 characters. */
export const imageReference = textLike(
  IMAGE,
  512,
  'an OCI image reference, such as registry.example.com/team/app:1.2.3, at most 512 characters',
  'ghcr.io/shop/web:1.2.3',
);

/**
 * A Kubernetes quantity as text (`500m`, `1.5Gi`, `2e3`);
 * https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
 */
export const quantity = textLike(
  /^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]+)?$/,
  64,
  'a Kubernetes quantity as text, such as 500m, 1.5Gi or 2e3',
  '4',
);

/** One line of human text. */
export const shortText = described(z.string().check(z.minLength(1), z.maxLength(256)), {
  description: 'A text of 1 to 256 characters',
  examples: ['text'],
});
/** An explanation: what went wrong, why an exception was made. */
export const longText = described(z.string().check(z.minLength(1), z.maxLength(4096)), {
  description: 'A text of 1 to 4096 characters',
  examples: ['text'],
});
/** A count of things that exist. */
export const count = described(z.int().check(z.gte(0)), { description: 'A count, 0 or more', examples: [3] });
/** Seconds, not negative. */
export const seconds = described(z.number().check(z.gte(0)), { description: 'Seconds, 0 or more', examples: [12.5] });
/** How long something may take, written as in the configuration. */
export const timeLimit = textLike(/^[1-9][0-9]*(ms|s|m|h|d)$/, 16, 'a duration such as 90s, 15m or 2h', '15m');
const TIMESTAMP = 'an RFC 3339 time with an offset, such as 2026-01-31T12:00:00Z';

/** An RFC 3339 time with an offset. */
export const timestamp = described(z.iso.datetime({ offset: true, error: TIMESTAMP }), {
  description: TIMESTAMP,
  examples: ['2026-03-01T12:00:00Z'],
});
/** The id of another event: any non-empty CloudEvents id. */
export const eventId = described(z.string().check(z.minLength(1), z.maxLength(MAX_ID)), {
  description: 'The id of another event',
  examples: ['request-1'],
});

/** The source of an event, as CloudEvents has it. */
export const eventSource = described(
  z.string().check(z.minLength(1), z.maxLength(MAX_SOURCE), z.regex(/^[^\s<>"{}|\\^`]+$/, 'a URI reference')),
  { description: 'A URI reference naming the publisher', examples: ['/ci/shop'] },
);

/**
 * An object that keeps the fields it does not know, so that a newer producer's data passes through unharmed.
 * The type lists the known fields alone: an index signature would let misspelt names compile.
 */
export function open<Shape extends z.core.$ZodLooseShape>(shape: Shape): z.ZodMiniObject<Shape> {
  // The cast only narrows the inferred type; the loose schema accepts all that the plain one does.
  return z.looseObject(shape) as unknown as z.ZodMiniObject<Shape>;
}
