/**
 * The AMQP endpoint against no bus at all, by messages a second: from rhea to rhea as a share of what rhea sends straight
 * to rhea, and from SDK to SDK as a share of what goes through bare rhea, which looks into nothing and keeps nothing.
 * 1 KiB bodies, batches of 100. The receivers give the same credit with and without the bus: rhea 1,000, the SDK 32. Five
 * rounds; a share is the median of the rounds' shares, since what else the machine does changes from round to round, and
 * within one hardly. The processor time of what is between, JIT compiler and garbage collector included, changes less.
 *
 * The SDK sends on both sides of its comparison. For a message it takes half as much processor time as the SDK that
 * receives it, and on two cores, which three processes fill, that is the receiver's loss, whatever is between them. So
 * what the SDK receives where no SDK sends is shown too, but is no goal: on two cores it says more of the sender than of
 * the bus.
 *
 *     npm run bench -- amqp
 *     node dist/bench/amqp.js 20000 # messages, after a build
 */
import { start, stopAll } from './amqp/processes.ts';
import { roles } from './amqp/roles.ts';

const ROUNDS = 5;

/** One way of the messages, in every round. */
interface Leg {
  readonly what: string;
  readonly rates: number[];
  /** Microseconds of processor time a message, of the process between sender and receiver. */
  readonly cpu: number[];
  readonly run: (count: number) => Promise<{ rate: number; cpu?: number }>;
}

function leg(what: string, run: Leg['run']): Leg {
  return { what, rates: [], cpu: [], run };
}

/** From one process to another, the first of which listens. */
async function direct(listening: string, other: string, measures: 'first' | 'other', count: number): Promise<number> {
  const first = start(listening, 0, count);
  const { port = 0 } = await first.next();
  const second = start(other, port, count);
  if (measures === 'other') await second.next();
  const { rate = 0 } = await (measures === 'first' ? first : second).next();
  return rate;
}

async function through(
  between: string,
  sender: string,
  receiver: string,
  count: number,
): Promise<{ rate: number; cpu: number }> {
  const service = start(between, 0, count);
  const { port = 0 } = await service.next();
  const receiving = start(receiver, port, count);
  await receiving.next();
  start(sender, port, count);
  const { rate = 0 } = await receiving.next();
  const answer = service.next();
  service.ask();
  const { cpu = 0 } = await answer;
  return { rate, cpu: cpu / count };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

/** The median of the rounds' shares. */
function share({ rates }: Leg, reference: Leg): string {
  return median(rates.map((rate, round) => rate / (reference.rates[round] ?? 0))).toFixed(2);
}

function show({ what, rates, cpu }: Leg, note = ''): void {
  const used = cpu.length > 0 ? `${median(cpu).toFixed(1)} µs a message between` : '';
  const rate = Math.round(median(rates)).toString().padStart(7);
  console.log(`${what.padEnd(20)} ${rate} msg/s  ${used.padEnd(28)} ${note}`.trimEnd());
}

function showShare(measured: Leg, reference: Leg, goal: number): void {
  const ratio = share(measured, reference);
  const verdict = Number(ratio) >= goal ? 'met' : 'MISSED';
  show(measured, `${ratio} of ${reference.what} (goal ${goal.toFixed(2)}: ${verdict})`);
}

async function main(count: number): Promise<void> {
  const legs = {
    rheaAlone: leg('rhea -> rhea', async (n) => ({ rate: await direct('rheaSink', 'rheaSend', 'first', n) })),
    rhea: leg('rhea -> bus -> rhea', (n) => through('bus', 'rheaSendBatches', 'rheaReceive', n)),
    toSdk: leg('rhea -> SDK', async (n) => ({ rate: await direct('rheaService', 'sdkReceive', 'other', n) })),
    sdkByRhea: leg('SDK -> rhea -> SDK', (n) => through('rheaServiceFed', 'sdkSend', 'sdkReceive', n)),
    sdk: leg('SDK -> bus -> SDK', (n) => through('bus', 'sdkSend', 'sdkReceive', n)),
  };
  for (let round = 0; round < ROUNDS; round++) {
    for (const { run, rates, cpu: used } of Object.values(legs)) {
      const { rate, cpu } = await run(count);
      stopAll();
      rates.push(rate);
      if (cpu !== undefined) used.push(cpu);
    }
  }
  show(legs.rheaAlone);
  showShare(legs.rhea, legs.rheaAlone, 0.85);
  show(legs.toSdk);
  show(legs.sdkByRhea);
  showShare(legs.sdk, legs.sdkByRhea, 1);
  console.log(
    `SDK -> bus -> SDK is ${share(legs.sdk, legs.toSdk)} of rhea -> SDK, where no SDK takes processor time to send`,
  );
}

const [role, port = '0', count = '0'] = process.argv.slice(2);
const run = role ? roles[role] : undefined;
if (run) await run(port, Number(count));
else await main(Number(role ?? 60_000));
