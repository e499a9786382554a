/**
 * Error budgets and burn rates; pure arithmetic.
 *
 * The alerts are the multiwindow, multi-burn-rate alerts of the SRE workbook, chapter 5
 * (https://sre.google/workbook/alerting-on-slos/): a pair fires while both its long window, which says that it
 * matters, and its short window, which says that it still goes on, burn the budget faster than a factor.
 *
 * A factor says which share of the whole window's budget is gone when the long window has burnt at it throughout:
 * factor = share x (window / long window). The workbook's 14.4, 6, 3 and 1 are those of 30 days (2 % in an hour, 5 % in
 * six hours, 10 % in a day, 10 % in three days); for 28 days the same shares give 13.44, 5.6, 2.8 and 0.933.
 *
 * Rates of few events say little: one failure among ten requests is a burn rate of 100 at 99.9 % (same chapter,
 * "Low-Traffic Services and Error Budget Alerting"). So an objective has a smallest number of failures that counts as
 * evidence. A rule fires only when its long window holds so many; the short window needs none, since it only says that
 * it still goes on. And no budget is smaller than so many failures: it is a share of the events so far, and fewer would
 * spend it until a new service has served minFailures / (1 - target) of them. Failures are counted and not events,
 * because an outage soon has as many however little traffic there is.
 *
 * Nothing here remembers: an alert ends as soon as one of its conditions does, and a budget is positive as soon as fewer
 * failures than it allows are in its window.
 */
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../duration.ts';

/** Events counted over some time; `bad` of `total` broke the promise. */
export interface Counts {
  readonly bad: number;
  readonly total: number;
}

/** The windows that counts are needed for. */
export const WINDOWS = ['5m', '30m', '1h', '2h', '6h', '1d', '3d', '28d', '30d'] as const;
export type Window = (typeof WINDOWS)[number];

/** The windows that a budget can be promised over. */
export type BudgetWindow = '28d' | '30d';

const LENGTHS: Readonly<Record<Window, number>> = {
  '5m': 5 * MINUTE_MS,
  '30m': 30 * MINUTE_MS,
  '1h': HOUR_MS,
  '2h': 2 * HOUR_MS,
  '6h': 6 * HOUR_MS,
  '1d': DAY_MS,
  '3d': 3 * DAY_MS,
  '28d': 28 * DAY_MS,
  '30d': 30 * DAY_MS,
};

/** The length of a window in milliseconds. */
export function lengthOf(window: Window): number {
  return LENGTHS[window];
}

export type Severity = 'page' | 'ticket';

/** A pair of windows that must both burn. */
export interface BurnRule {
  readonly severity: Severity;
  readonly longWindow: Window;
  readonly shortWindow: Window;
  /** The share of the whole budget that is gone when the long window has burnt at the factor throughout. */
  readonly budgetShare: number;
}

/** Fastest first. */
export const BURN_RULES: readonly BurnRule[] = [
  { severity: 'page', longWindow: '1h', shortWindow: '5m', budgetShare: 0.02 },
  { severity: 'page', longWindow: '6h', shortWindow: '30m', budgetShare: 0.05 },
  { severity: 'ticket', longWindow: '1d', shortWindow: '2h', budgetShare: 0.1 },
  { severity: 'ticket', longWindow: '3d', shortWindow: '6h', budgetShare: 0.1 },
];

/** The burn rate from which a rule fires: 14.4 for the fastest rule and 30 days. */
export function factorOf(rule: BurnRule, window: BudgetWindow): number {
  return tidy((rule.budgetShare * LENGTHS[window]) / LENGTHS[rule.longWindow]);
}

/** The share of events that fail when a pair of windows burns just as fast as its rule allows. */
export function failureRateOf(longWindow: string, { target, window }: Pick<SloTarget, 'target' | 'window'>): number {
  const rule = BURN_RULES.find((one) => one.longWindow === longWindow);
  return rule ? factorOf(rule, window) * budgetOf(target) : 1;
}

/** What is promised: a share of good events over a window. */
export interface SloTarget {
  /** Above 0 and below 1. */
  readonly target: number;
  readonly window: BudgetWindow;
  /** From how many failures on a window is evidence; 1 takes every window at its rate. */
  readonly minFailures: number;
}

/** How fast the budget is spent: 1 spends all of it in exactly its window. No events spend nothing. */
export function burnRate(counts: Counts, target: number): number {
  return rateOf(counts, budgetOf(target));
}

function rateOf({ bad, total }: Counts, budget: number): number {
  return total === 0 ? 0 : tidy(bad / total / budget);
}

/** The share of events that may be bad. 1 - 0.999 is 0.001, not 0.0010000000000000009. */
function budgetOf(target: number): number {
  return Number((1 - target).toPrecision(12));
}

/** The share of the window's budget that is left: 1 untouched, 0 spent, below 0 overspent. */
export function budgetRemaining({ bad, total }: Counts, target: number, minFailures: number): number {
  return tidy(1 - bad / Math.max(total * budgetOf(target), minFailures));
}

/** The measured share of good events; 1 when there were none. */
export function goodShare({ bad, total }: Counts): number {
  return total === 0 ? 1 : (total - bad) / total;
}

/** A rule that fires, and how fast its long window burns. */
export interface Alert extends BurnRule {
  readonly burnRate: number;
  /** Of the long window. */
  readonly counts: Counts;
}

/** A service against one objective. */
export interface Assessment {
  /** Of the budget's window. */
  readonly counts: Counts;
  readonly currentValue: number;
  readonly errorBudgetRemaining: number;
  /** The fastest rule that fires, for each severity that has one. */
  readonly alerts: Readonly<Partial<Record<Severity, Alert>>>;
}

/** Judges an objective by the counts of each window. */
export function assess({ target, window, minFailures }: SloTarget, countsOf: (window: Window) => Counts): Assessment {
  const budget = budgetOf(target);
  const alerts: Partial<Record<Severity, Alert>> = {};
  for (const rule of BURN_RULES) {
    if (alerts[rule.severity]) continue;
    const long = countsOf(rule.longWindow);
    if (long.bad < minFailures) continue;
    const factor = factorOf(rule, window);
    const rate = rateOf(long, budget);
    if (rate >= factor && rateOf(countsOf(rule.shortWindow), budget) >= factor) {
      alerts[rule.severity] = { ...rule, burnRate: rate, counts: long };
    }
  }
  const whole = countsOf(window);
  const errorBudgetRemaining = budgetRemaining(whole, target, minFailures);
  return { counts: whole, currentValue: goodShare(whole), errorBudgetRemaining, alerts };
}

/** Drops the noise of binary fractions, so that a budget spent to the last event is spent: 0, not 1e-17. */
function tidy(value: number): number {
  return Math.round(value * 1e9) / 1e9;
}
