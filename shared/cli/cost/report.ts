/** A bill and the limits, to read at a glance in a terminal. */
import { bold, columns, dim } from '../../terminal/command.ts';
import type { Bill } from './bill.ts';
import type { Limit } from './limits.ts';
import { CURRENCY, PRICE_SOURCES } from './prices.ts';
import { ASSUMED, type Load } from './usage.ts';

/** Lines of at most 100 characters. */
export function costReport(load: Load, bill: Bill, limits: readonly Limit[]): string {
  const { deploymentsPerDay, checksPerMinute, rolloutMs, requeueAfterMs } = load;
  const dates = Object.values(PRICE_SOURCES)
    .map(({ seen }) => seen)
    .sort();
  const { dollars, premium } = bill;
  return [
    bold(
      `${count(deploymentsPerDay)} deployments a day, ${count(checksPerMinute)} health checks a minute: ${money(dollars)} a month`,
    ),
    dim(`${CURRENCY}, list prices for East US or else West Europe, seen from ${dates[0]} to ${dates.at(-1)}`),
    '',
    columns(rightAligned(itemRows(bill), [2, 4])),
    '',
    ...logLines(bill),
    '',
    bold(firstLimit(limits)),
    'A second, when all comes evenly; what comes at once waits its turn:',
    columns(rightAligned(limits.slice(0, 5).map(limitCells), [1, 2, 3])),
    '',
    `Premium (${money(premium.dollars)} a messaging unit) pays from ${count(premium.operations / 1e6)} million operations on${timesThis(premium.timesLoad)}.`,
    '',
    dim(
      `A rollout of ${rolloutMs / 1_000} s is looked at every ${requeueAfterMs / 1_000} s. Assumed: a run takes ${ASSUMED.runSeconds} s, a span or log line ${count(ASSUMED.telemetryBytes)} bytes.`,
    ),
    dim('Not counted: alerts, traffic out of Azure, host storage, HTTP requests. See docs/cost.md.'),
  ].join('\n');
}

function itemRows({ items, operations }: Bill): string[][] {
  const parts = [
    ['  of messages', operations.messages],
    ['  of timers that look at what waits', operations.peeks],
    ['  of idle receives, at most', operations.idleReceives],
  ] as const;
  return items.flatMap(({ service, what, quantity, unit, included, dollars }, at) => {
    const row = [
      service === items[at - 1]?.service ? '' : service,
      what,
      what === 'base charge' ? '' : `${count(quantity)}${unit ? ` ${unit}` : ''}`,
      included > 0 ? `${count(included)} included` : '',
      money(dollars),
    ];
    const isOperations = what === 'operations';
    return [row, ...(isOperations ? parts.map(([name, part]) => ['', name, count(part), '', '']) : [])];
  });
}

function logLines({ dollars, logs }: Bill): string[] {
  return [
    logs.dollars > dollars / 2 ? 'Logs cost more than all else together.' : 'Logs are less than half of it.',
    `With one trace in ten kept they cost ${money(logs.sampledTracesDollars)}, with one log line in ten too ${money(logs.sampledAllDollars)}.`,
  ];
}

function firstLimit([first]: readonly Limit[]): string {
  if (!first || first.timesLoad === Number.POSITIVE_INFINITY) return 'Nothing of this load meets a limit.';
  const { what, timesLoad } = first;
  return timesLoad >= 1
    ? `The first limit is ${what}: it binds at ${times(timesLoad)} this load.`
    : `The limit is ${what}: ${count(100 * timesLoad)} % of this load gets through, the rest waits.`;
}

function limitCells({ what, used, capacity, timesLoad }: Limit): string[] {
  const reached = timesLoad === Number.POSITIVE_INFINITY ? 'never' : `at ${times(timesLoad)} this load`;
  return [`  ${what}`, count(used), `of ${count(capacity)}`, reached];
}

function timesThis(timesLoad: number): string {
  return timesLoad === Number.POSITIVE_INFINITY ? '' : `, ${times(timesLoad)} this load`;
}

const times = (factor: number): string => `${count(factor)} times`;

/** Three digits that count, and all that stand before the point. */
function count(value: number): string {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return value.toLocaleString('en-US', { maximumFractionDigits: digits });
}

function money(dollars: number): string {
  return `$${dollars.toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
}

/** Pads cells of some columns from the left, so that numbers stand under each other. */
function rightAligned(rows: readonly (readonly string[])[], which: readonly number[]): string[][] {
  const width = (at: number): number => Math.max(...rows.map((row) => row[at]?.length ?? 0));
  return rows.map((row) => row.map((cell, at) => (which.includes(at) ? cell.padStart(width(at)) : cell)));
}
