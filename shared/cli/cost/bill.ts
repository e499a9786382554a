/** What a month costs, item by item. */
import { FLEX_CONSUMPTION, LOG_ANALYTICS, quantityFor, SERVICE_BUS, TABLE_STORAGE, tiered } from './prices.ts';
import { ASSUMED, MONTH_SECONDS, type Setup, total, type Usage } from './usage.ts';

export interface BillItem {
  readonly service: string;
  readonly what: string;
  readonly quantity: number;
  readonly unit?: string;
  /** What of it costs nothing. */
  readonly included: number;
  readonly dollars: number;
}

export interface Bill {
  readonly items: readonly BillItem[];
  readonly dollars: number;
  /** What the operations of Service Bus are made of. */
  readonly operations: { readonly messages: number; readonly peeks: number; readonly idleReceives: number };
  readonly logs: {
    readonly dollars: number;
    /** When of ten traces one is kept; and when of ten log lines one is kept, too. */
    readonly sampledTracesDollars: number;
    readonly sampledAllDollars: number;
  };
  /** From how many operations a month on Premium is cheaper, and how many times this load that is. */
  readonly premium: { readonly dollars: number; readonly operations: number; readonly timesLoad: number };
}

/** To send a message, to receive it, and to complete it. None is larger than the 64 KiB that an operation takes. */
const OPERATIONS_PER_MESSAGE = 3;
const KEPT = 0.1;

export function billOf(usage: Usage, setup: Setup): Bill {
  const { runs, storeCalls, logLines, timerRuns, peeks, idleReceives, eventsKept } = usage;
  const messages = total(runs);
  const ofMessages = OPERATIONS_PER_MESSAGE * messages;
  const operations = ofMessages + peeks + idleReceives;

  const executions = messages + timerRuns;
  const memoryGb = setup.memoryMb / 1_024;
  const seconds = [...Object.values(runs), timerRuns].reduce((sum, count) => sum + billedSeconds(count, setup), 0);
  const gbSeconds = seconds * memoryGb;
  const readyGbSeconds = setup.alwaysReady * memoryGb * MONTH_SECONDS;
  const { onDemand } = FLEX_CONSUMPTION;

  const storedGb = (eventsKept * ASSUMED.eventBytes) / 1e9;
  // A span for each run, each call of the store and each message sent.
  const spansGb = gbOf(executions + storeCalls + messages);
  const linesGb = gbOf(ASSUMED.hostLines * executions + logLines);
  const logDollars = (gb: number): number => LOG_ANALYTICS.gb * over(gb, LOG_ANALYTICS.freeGb);

  const [bus, functions, table] = ['Service Bus Standard', 'Functions (Flex)', 'Table Storage'];
  const items: BillItem[] = [
    { service: bus, what: 'base charge', quantity: 1, included: 0, dollars: SERVICE_BUS.base },
    {
      service: bus,
      what: 'operations',
      quantity: operations,
      included: SERVICE_BUS.includedOperations,
      dollars: tiered(operations, SERVICE_BUS.tiers),
    },
    {
      service: functions,
      what: 'executions',
      quantity: executions,
      included: onDemand.freeExecutions,
      dollars: onDemand.execution * over(executions, onDemand.freeExecutions),
    },
    {
      service: functions,
      what: 'on demand',
      quantity: gbSeconds,
      unit: 'GB-s',
      included: onDemand.freeGbSeconds,
      dollars: onDemand.gbSecond * over(gbSeconds, onDemand.freeGbSeconds),
    },
    {
      service: functions,
      what: 'always ready',
      quantity: readyGbSeconds,
      unit: 'GB-s',
      included: 0,
      dollars: FLEX_CONSUMPTION.alwaysReadyGbSecond * readyGbSeconds,
    },
    {
      service: table,
      what: 'transactions',
      quantity: storeCalls,
      included: 0,
      dollars: TABLE_STORAGE.operation * storeCalls,
    },
    {
      service: table,
      what: 'stored',
      quantity: storedGb,
      unit: 'GB',
      included: 0,
      dollars: TABLE_STORAGE.gbMonth * storedGb,
    },
    {
      service: 'Application Insights',
      what: 'logs, all of them kept',
      quantity: spansGb + linesGb,
      unit: 'GB',
      included: LOG_ANALYTICS.freeGb,
      dollars: logDollars(spansGb + linesGb),
    },
  ];
  const breakEven = quantityFor(SERVICE_BUS.premium - SERVICE_BUS.base, SERVICE_BUS.tiers);
  return {
    items,
    dollars: items.reduce((sum, { dollars }) => sum + dollars, 0),
    operations: { messages: ofMessages, peeks, idleReceives },
    logs: {
      dollars: logDollars(spansGb + linesGb),
      sampledTracesDollars: logDollars(KEPT * spansGb + linesGb),
      sampledAllDollars: logDollars(KEPT * (spansGb + linesGb)),
    },
    premium: {
      dollars: SERVICE_BUS.premium,
      operations: breakEven,
      timesLoad: (breakEven - peeks - idleReceives) / ofMessages,
    },
  };
}

/**
 * How long instances of a function are billed for its runs. A run by itself counts as a second. What is billed is the
 * time in which an instance works, with however many runs at once: no more than all the time of the instances it takes.
 */
function billedSeconds(runs: number, { concurrency }: Setup): number {
  const instances = Math.max(1, Math.ceil((runs * ASSUMED.runSeconds) / (concurrency * MONTH_SECONDS)));
  return Math.min(runs * FLEX_CONSUMPTION.minSeconds, instances * MONTH_SECONDS);
}

const gbOf = (records: number): number => (records * ASSUMED.telemetryBytes) / 1e9;
const over = (quantity: number, included: number): number => Math.max(0, quantity - included);
