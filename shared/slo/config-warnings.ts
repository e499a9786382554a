/** What a valid configuration promises in vain; said once, when the app starts. */
import type { PlatformConfig } from '../config.ts';
import { BURN_RULES, burnRate, factorOf } from './burn-rate.ts';
import type { Objective } from './objectives.ts';

/** One text for each objective that no page can ever fire for. */
export function warningsOf(config: PlatformConfig): string[] {
  return config.services.flatMap(({ name, objectives }) =>
    objectives.flatMap((objective) => {
      const warning = warningOf(objective);
      return warning === undefined ? [] : [`objective '${objective.slo}' of ${name}: ${warning}`];
    }),
  );
}

function warningOf({ target, window }: Objective): string | undefined {
  const factors = BURN_RULES.filter(({ severity }) => severity === 'page').map((rule) => factorOf(rule, window));
  const most = burnRate({ bad: 1, total: 1 }, target);
  const [slow, fast] = [Math.min(...factors), Math.max(...factors)];
  if (most >= slow) return undefined;
  return `no page can fire for a target of ${target}: when every event is bad its budget burns ${most} times too fast, and pages begin at ${slow}; use ${leastTarget(slow)} or more (${leastTarget(fast)} or more to be paged within the hour)`;
}

/** The lowest target, in thousandths, whose budget can burn at the factor. */
function leastTarget(factor: number): number {
  return Math.ceil((1 - 1 / factor) * 1_000) / 1_000;
}
