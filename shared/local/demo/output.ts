/** The demo's timeline: chapters, events with their key facts, and notifications, for people or for programs. */
import { DAY_MS } from '../../duration.ts';
import type { PlatformEvent } from '../../events/catalog.ts';
import type { Notification } from '../../ports/notifier.ts';
import { bold, complain, dim, green, print, printJson, red, yellow } from '../../terminal/command.ts';
import { colourOf, factsOf, MAX_TYPE } from '../../terminal/timeline.ts';

/** The width of `day  6 00:01:11` and a gap. */
const TEXT_FROM = 17;
const MARGIN = ' '.repeat(TEXT_FROM + 2);

export class DemoOutput {
  readonly #isJson: boolean;
  /** The width of the terminal; in a file or a pipe each entry is one line. */
  readonly #width = process.stdout.columns ?? Number.POSITIVE_INFINITY;
  #startedAt: number | undefined;
  #checks = 0;

  constructor({ isJson }: { isJson: boolean }) {
    this.#isJson = isJson;
  }

  chapter(title: string, now: number): void {
    this.#startedAt ??= now;
    this.#printChecks(now);
    if (this.#isJson) this.#json(now, { chapter: title });
    else print(`\n${wrapped(title, this.#width).map(bold).join('\n')}`);
  }

  event(event: PlatformEvent, now: number): void {
    // There are hundreds of health checks, so only their number is shown.
    if (event.type === 'HealthCheck') {
      this.#checks++;
      return;
    }
    this.#printChecks(now);
    const { type, subject } = event;
    if (this.#isJson) this.#json(now, { event });
    else this.#entry(now, [type.padEnd(MAX_TYPE), subject], factsOf(event), colourOf(type));
  }

  notification({ event, ...notification }: Notification, now: number): void {
    this.#printChecks(now);
    const { severity, title, text } = notification;
    if (this.#isJson) this.#json(now, { notification: { ...notification, causedBy: event?.id } });
    else this.#entry(now, ['  notified', title], text, severity === 'info' ? String : yellow);
  }

  closed(now: number, seconds: number): void {
    this.#printChecks(now);
    const days = Math.round((now - (this.#startedAt ?? now)) / DAY_MS);
    if (this.#isJson) printJson({ result: { closed: true, days, seconds: Number(seconds.toFixed(1)) } });
    else print(`\n${green(`the loop is closed: ${days} days in ${seconds.toFixed(1)} s`)}`);
  }

  missing(step: string, now: number): void {
    this.#printChecks(now);
    if (this.#isJson) printJson({ result: { closed: false, missing: step } });
    else complain(`\n${red(`the loop does not close, missing: ${step}`)}`);
  }

  #printChecks(now: number): void {
    const checks = this.#checks;
    this.#checks = 0;
    if (checks === 0) return;
    if (this.#isJson) this.#json(now, { healthChecks: checks });
    else print(`${this.#time(now)}  ${dim(`${checks} health check${checks === 1 ? '' : 's'}`)}`);
  }

  /** Text that does not fit on the first line goes below it. */
  #entry(now: number, [first, then]: readonly [string, string], rest: string, colour: (text: string) => string): void {
    const taken = TEXT_FROM + first.length + 2;
    const fits = taken + then.length + 2 + rest.length <= this.#width;
    const [head = '', ...tail] = fits ? [then] : wrapped(then, this.#width - taken);
    const below = fits ? [] : wrapped(rest, this.#width - MARGIN.length).map(dim);
    const line = `${this.#time(now)}  ${colour(first)}  ${head}${fits ? `  ${dim(rest)}` : ''}`;
    print([line, ...[...tail, ...below].map((text) => `${MARGIN}${text}`)].join('\n'));
  }

  /** Day and time of day since the start. */
  #time(now: number): string {
    const elapsed = now - (this.#startedAt ?? now);
    const day = String(Math.floor(elapsed / DAY_MS)).padStart(2);
    return dim(`day ${day} ${new Date(elapsed).toISOString().slice(11, 19)}`);
  }

  #json(now: number, entry: object): void {
    printJson({ at: new Date(now).toISOString(), ...entry });
  }
}

/** Breaks a text into lines at spaces, but not before a percent sign. A word longer than a line gets its own line. */
function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(/ (?!%)/)) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + 1 + word.length <= width) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines;
}
