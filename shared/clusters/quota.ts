/** Whether an exhausted quota is raised, and how far: by a step of the namespace's profile, up to its cap. Pure. */
import { GUARDRAILS_NAME } from '../ports/cluster.ts';
import { compareQuantities, formatQuantity, multiplyQuantity, parseQuantity, smallerQuantity } from '../quantity.ts';
import type { Profile } from './guardrails.ts';
import type { NamespaceRecord } from './inventory.ts';

/** A report that a quota refused something. */
interface QuotaReport {
  /** The key of the event that reports it: run again, it finds its own raise. */
  readonly by: string;
  readonly quotaName: string;
  readonly resource: string;
  /** What the quota allowed then, as a Kubernetes quantity. */
  readonly hard: string;
}

interface Refusal {
  readonly kind: 'refuse';
  /** For people. */
  readonly why: string;
}

/** What the configuration and the inventory allow. */
interface RaiseTerms {
  readonly kind: 'terms';
  readonly record: NamespaceRecord;
  readonly cap: string;
  /** By what factor it is raised. */
  readonly step: number;
}

/** Whether a quota may be raised, as far as that is known without asking the cluster. */
export function raiseTermsOf(
  { quotaName, resource }: QuotaReport,
  record: NamespaceRecord | undefined,
  profile: Profile | undefined,
): Refusal | RaiseTerms {
  if (!record) return refusal('its environment is not known: no NamespaceCreated was handled');
  if (record.environment === 'production') return refusal('quotas in production are not raised automatically');
  if (quotaName !== GUARDRAILS_NAME) return refusal(`the quota '${quotaName}' is not ours`);
  const cap = profile && Object.hasOwn(profile.quotaCap, resource) ? profile.quotaCap[resource] : undefined;
  if (!profile || cap === undefined) {
    return refusal(`the profile '${record.profile}' has no cap for '${resource}'`);
  }
  return { kind: 'terms', record, cap, step: profile.quotaStep };
}

type RaiseDecision =
  | { readonly kind: 'raise'; readonly hard: string }
  | Refusal
  /** The namespace got more since this was reported: by another report of the same, or by people. */
  | { readonly kind: 'ignore' };

/** @param actual what the quota allows now; undefined when it does not limit the resource */
export function decideRaise(
  { by, resource, hard }: QuotaReport,
  { record, cap, step }: RaiseTerms,
  actual: string | undefined,
): RaiseDecision {
  if (actual === undefined) return refusal(`our quota does not limit '${resource}'`);
  const now = parseQuantity(actual);
  if (raiseOf(record, resource)?.by !== by) {
    if (compareQuantities(now, parseQuantity(hard)) > 0) return { kind: 'ignore' };
    if (compareQuantities(now, parseQuantity(cap)) >= 0) return refusal(`it is at its cap of ${cap}`);
  }
  // A whole millicore of CPU or a whole unit of anything else: Kubernetes refuses a fraction of a pod.
  const unit = parseQuantity(/(^|\.)cpu$/.test(resource) ? '1m' : '1');
  const raised = formatQuantity(multiplyQuantity(now, step, unit));
  return { kind: 'raise', hard: smallerQuantity(raised, cap) };
}

/** The record with the raise; unchanged when it, or another report's at least as high, is in it. */
export function withRaise(record: NamespaceRecord, resource: string, hard: string, by: string): NamespaceRecord {
  const known = raiseOf(record, resource);
  if (known && (known.by === by || compareQuantities(parseQuantity(known.hard), parseQuantity(hard)) >= 0)) {
    return record;
  }
  return { ...record, raised: { ...record.raised, [resource]: { hard, by } } };
}

/** The raise on record: how far, and for which report. */
export function raiseOf(record: NamespaceRecord, resource: string): { hard: string; by: string } | undefined {
  return Object.hasOwn(record.raised, resource) ? record.raised[resource] : undefined;
}

function refusal(why: string): Refusal {
  return { kind: 'refuse', why };
}
