/** `npm run cost`: what a month of a load costs in Azure, and which limit binds first. */
import { parseConfig } from '../config.ts';
import { jsonFaultOf } from '../describe-error.ts';
import { ConfigError } from '../errors.ts';
import { parseJson } from '../json.ts';
import { readHostJson } from '../local/functions-host/host-json.ts';
import { HISTORY_LIMITS } from '../settings.ts';
import { appDirectory, print, printJson, readFlags, runCommand, UsageError } from '../terminal/command.ts';
import { readTextFile } from '../terminal/flag-files.ts';
import { COST } from '../terminal/usages.ts';
import { topology } from '../topology.ts';
import { billOf } from './cost/bill.ts';
import { limitsOf } from './cost/limits.ts';
import { CURRENCY, LIMIT_SOURCES, PRICE_SOURCES } from './cost/prices.ts';
import { costReport } from './cost/report.ts';
import { ASSUMED, type Load, type Setup, usageOf } from './cost/usage.ts';
import { durationFlag } from './options.ts';

/** More than any namespace takes: what is larger is a slip of the finger. */
const MAX_RATE = 1e9;
const MEMORY_SIZES = ['512', '2048', '4096'];

await runCommand(async () => {
  const { values } = readFlags(COST.usage, COST.flags);
  const { serviceBus } = (await readHostJson(appDirectory())).extensions;
  const load: Load = {
    deploymentsPerDay: rateFlag('deployments-per-day', values['deployments-per-day']),
    checksPerMinute: rateFlag('checks-per-minute', values['checks-per-minute']),
    rolloutMs: durationFlag('rollout', values.rollout),
    requeueAfterMs: readConfig(values.config).policies.deployment.requeueAfter,
  };
  const setup: Setup = {
    concurrency: serviceBus.maxConcurrentCalls,
    receiveMs: serviceBus.clientRetryOptions.tryTimeout,
    memoryMb: memoryFlag(values.memory),
    alwaysReady: countFlag('always-ready', values['always-ready']),
    historyMs: HISTORY_LIMITS.ageMs,
    historyEvents: HISTORY_LIMITS.events,
  };
  const usage = usageOf(load, setup, topology);
  const bill = billOf(usage, setup);
  const limits = limitsOf(usage, topology);
  if (!values.json) print(costReport(load, bill, limits));
  else
    printJson({
      currency: CURRENCY,
      load,
      setup,
      usage,
      bill,
      limits,
      assumed: ASSUMED,
      sources: { ...PRICE_SOURCES, ...LIMIT_SOURCES },
    });
});

/** @throws UsageError */
function rateFlag(flag: string, text: string | undefined): number {
  const rate = Number(text);
  if (text !== undefined && /^\d+(\.\d+)?$/.test(text) && rate <= MAX_RATE) return rate;
  throw new UsageError(`--${flag}: expected a number from 0 to ${MAX_RATE}, got ${shown(text)}`);
}

/** @throws UsageError */
function countFlag(flag: string, text: string): number {
  if (/^\d{1,4}$/.test(text)) return Number(text);
  throw new UsageError(`--${flag}: expected a whole number from 0 to 9999, got ${shown(text)}`);
}

/** @throws UsageError */
function memoryFlag(text: string): number {
  if (MEMORY_SIZES.includes(text)) return Number(text);
  throw new UsageError(`--memory: expected one of ${MEMORY_SIZES.join(', ')}, got ${shown(text)}`);
}

/** @throws UsageError or ConfigError */
function readConfig(file: string): ReturnType<typeof parseConfig> {
  const text = readTextFile('config', file);
  let input: unknown;
  try {
    input = parseJson(text);
  } catch (error) {
    throw new ConfigError(`--config: cannot read '${file}': ${jsonFaultOf(error)}`);
  }
  return parseConfig(input, file);
}

function shown(text: string | undefined): string {
  return text === undefined ? 'nothing' : `'${text}'`;
}
