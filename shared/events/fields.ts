/**
 * The field types the twelve events are built from: names, images, quantities, bounded strings.
 * Every bound is somebody else's rule, and each says whose.
 */
import { z } from 'zod';

const DNS_LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const DNS_SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** A namespace, team or cluster: RFC 1123 label, 1 to 63 characters. */
export const dnsLabel = z
  .string()
  .max(63)
  .regex(DNS_LABEL, "a DNS-1123 label: lower-case letters, digits and '-', at most 63 characters");

/** A Deployment or other named object: RFC 1123 subdomain, 1 to 253 characters. */
export const dnsSubdomain = z
  .string()
  .max(253)
  .regex(DNS_SUBDOMAIN, "a DNS-1123 subdomain: lower-case letters, digits, '-' and '.', at most 253 characters");

/*
 * The grammar of an OCI image reference, [domain[:port]/]path[:tag][@digest], as the distribution project
 * documents it (https://pkg.go.dev/github.com/distribution/reference).
 */
const IMAGE_DOMAIN = String.raw`(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?`;
const IMAGE_COMPONENT = String.raw`[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*`;
const IMAGE = new RegExp(
  String.raw`^(?:${IMAGE_DOMAIN}/)?${IMAGE_COMPONENT}(?:/${IMAGE_COMPONENT})*(?::[\w][\w.-]{0,127})?(?:@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,})?$`,
);

/** An OCI image reference with an optional tag and digest, at most 512 characters. */
export const imageReference = z
  .string()
  .max(512)
  .regex(IMAGE, 'an OCI image reference, such as registry.example.com/team/app:1.2.3');

/** A Kubernetes quantity as text (`500m`, `1.5Gi`, `2e3`); https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/ */
export const quantity = z
  .string()
  .max(64)
  .regex(
    /^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]+)?$/,
    'a Kubernetes quantity, such as 500m, 1.5Gi or 2e3',
  );

/** One line of human text. */
export const shortText = z.string().min(1).max(256);
/** An explanation: what went wrong, why an exception was made. */
export const longText = z.string().min(1).max(4096);
/** A count of things that exist. */
export const count = z.int().min(0);
/** Seconds, not negative. */
export const seconds = z.number().min(0);
/** An RFC 3339 time with an offset. */
export const timestamp = z.iso.datetime({ offset: true });
/** The id of another event: any non-empty CloudEvents id. */
export const eventId = z.string().min(1).max(256);

/**
 * An object that keeps the fields it does not know, so that a newer producer's data passes through unharmed.
 * The type lists the known fields alone: an index signature would let misspelt names compile.
 */
export function open<Shape extends z.ZodRawShape>(shape: Shape): z.ZodObject<Shape> {
  // The cast only narrows the inferred type; the loose schema accepts all that the plain one does.
  return z.looseObject(shape) as unknown as z.ZodObject<Shape>;
}
