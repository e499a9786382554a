/**
 * The output of `npm start`: the functions, the addresses, and every event as it arrives, for people or for programs.
 */
import { bold, columns, complain, dim, print, printJson, yellow } from '../terminal/command.ts';
import { type TimelineEvent, timelineLine } from '../terminal/timeline.ts';
import type { FunctionDescription } from './functions-host/functions-host.ts';

/** The addresses of the running platform. */
interface Addresses {
  readonly amqp: string;
  readonly connectionString: string;
  readonly admin: string | undefined;
  readonly http: string;
  readonly table: string;
}

/** An event that arrived at its function. */
export interface ArrivedEvent extends TimelineEvent {
  /** `eventKey` of the event. */
  readonly key: string;
  readonly id: string;
  readonly source: string;
  readonly correlationid: string;
}

/** How many chains have their start remembered, for the times of their lines. */
const MAX_CHAINS = 10_000;

export class StartOutput {
  readonly #isJson: boolean;
  readonly #chains = new Map<string, number>();

  constructor({ isJson }: { readonly isJson: boolean }) {
    this.#isJson = isJson;
  }

  functions(functions: readonly FunctionDescription[]): void {
    if (this.#isJson) {
      this.#json({ functions });
      return;
    }
    // Functions that handle events come first.
    const ordered = functions.toSorted((a, b) => Number(a.trigger === 'http') - Number(b.trigger === 'http'));
    const rows = ordered.map(({ name, trigger, source }) => {
      const [topic = '', subscription = ''] = trigger === 'service-bus' ? source.split('/') : [source];
      return [name, topic, subscription];
    });
    print(`${columns([['FUNCTION', 'TOPIC, ROUTE OR SCHEDULE', 'SUBSCRIPTION'], ...rows])}\n`);
  }

  ready(addresses: Addresses): void {
    if (this.#isJson) {
      this.#json({ ready: addresses });
      return;
    }
    const { amqp, connectionString, admin, http, table } = addresses;
    print(bold(`ready ${amqp}`));
    const rows = [
      ['Service Bus', connectionString],
      ...(admin === undefined ? [] : [['Administration', admin]]),
      ['HTTP functions', `${http}/api`],
      ['Dashboard', `${http}/api/dashboard`],
      ['Table Storage', table],
    ];
    print(`${columns(rows)}\n`);
  }

  /** The functions run as they were changed. */
  reloaded(ms: number): void {
    if (this.#isJson) this.#json({ reloaded: { ms } });
    else print(dim(`reloaded in ${(ms / 1_000).toFixed(1)} s`));
  }

  /** Starts the clock of a chain. */
  begins(correlationId: string): void {
    if (this.#chains.size >= MAX_CHAINS) this.#chains.delete(this.#chains.keys().next().value ?? '');
    this.#chains.set(correlationId, performance.now());
  }

  event(event: ArrivedEvent): void {
    if (this.#isJson) {
      this.#json({ event });
      return;
    }
    if (!this.#chains.has(event.correlationid)) this.begins(event.correlationid);
    print(timelineLine(event, performance.now() - (this.#chains.get(event.correlationid) ?? 0)));
  }

  hint(text: string): void {
    if (!this.#isJson) print(text);
  }

  warning(text: string): void {
    complain(this.#isJson ? JSON.stringify({ warning: text }) : yellow(text));
  }

  #json(value: unknown): void {
    printJson(value);
  }
}
