/**
 * What the host remembers of a timer from one start to the next, so that an occurrence which it missed is made up for.
 * The real host keeps it in a blob of its storage account; here it is a file, or gone with the process.
 */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Times in milliseconds since the Unix epoch. */
export interface ScheduleStatus {
  /** When the function last ran; undefined when it never did. */
  readonly last: number | undefined;
  readonly next: number;
  /** The time that `next` was computed from. */
  readonly lastUpdated: number;
}

export interface ScheduleMonitor {
  /** Undefined for a timer that is seen for the first time, or whose status cannot be read. */
  read(functionName: string): Promise<ScheduleStatus | undefined>;
  write(functionName: string, status: ScheduleStatus): Promise<void>;
}

/** Lasts as long as the process. */
export class MemoryScheduleMonitor implements ScheduleMonitor {
  readonly #statuses = new Map<string, ScheduleStatus>();

  async read(functionName: string): Promise<ScheduleStatus | undefined> {
    return this.#statuses.get(functionName);
  }

  async write(functionName: string, status: ScheduleStatus): Promise<void> {
    this.#statuses.set(functionName, status);
  }
}

/** A file for each timer, in the form of the real host's blob. */
export class FileScheduleMonitor implements ScheduleMonitor {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async read(functionName: string): Promise<ScheduleStatus | undefined> {
    try {
      const { Last, Next, LastUpdated } = Object(JSON.parse(await readFile(this.#pathOf(functionName), 'utf8')));
      const [last, next, lastUpdated] = [Last, Next, LastUpdated].map((text) => Date.parse(text));
      if (!(Number.isFinite(next) && Number.isFinite(lastUpdated))) return undefined;
      return { last: timeOrNever(last), next: next as number, lastUpdated: lastUpdated as number };
    } catch {
      return undefined;
    }
  }

  async write(functionName: string, status: ScheduleStatus): Promise<void> {
    const path = this.#pathOf(functionName);
    await mkdir(dirname(path), { recursive: true });
    // Another host of this directory may read it.
    await writeFile(`${path}.${process.pid}.tmp`, JSON.stringify(statusJson(status)));
    await rename(`${path}.${process.pid}.tmp`, path);
  }

  #pathOf(functionName: string): string {
    return join(this.#directory, `${encodeURIComponent(functionName)}.json`);
  }
}

/** As the real host writes it, in its blob and for the function. */
export function statusJson({ last, next, lastUpdated }: ScheduleStatus): Record<string, string> {
  return {
    Last: last === undefined ? NEVER : hostTime(last),
    LastUpdated: hostTime(lastUpdated),
    Next: hostTime(next),
  };
}

/** .NET's first moment, which stands for none. */
const NEVER = '0001-01-01T00:00:00+00:00';

function timeOrNever(time: number | undefined): number | undefined {
  return time === undefined || !Number.isFinite(time) || time < 0 ? undefined : time;
}

/** With an offset, and a fraction only where there is one. */
function hostTime(time: number): string {
  return new Date(time).toISOString().replace(/(\.000)?Z$/, '+00:00');
}
