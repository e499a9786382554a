/** A case of the broker contract: one behaviour of Service Bus, and the public source that it was learned from. */
import type { ExpectStatic } from 'vitest';
import type { BrokerDriver, BrokerFeature } from './broker-driver.ts';

/** What a case works with. */
export interface Bench {
  readonly driver: BrokerDriver;
  /** A name that no other case uses, so that a driver may keep one namespace for all of them. */
  name(prefix: string): string;
}

interface CaseBase {
  readonly section: string;
  readonly title: string;
  /** Documentation pages, public issues or tests of Microsoft's SDKs; `inferred` when these do not say it in so many words. */
  readonly sources: readonly string[];
  /** Without one of these features the case is skipped, with the driver's reason. */
  readonly needs: readonly BrokerFeature[];
}

/** `expect` is that of the test: with the global one, a failure is also laid to a test that runs beside it. */
type Run = (bench: Bench, expect: ExpectStatic) => Promise<void>;

/** What the bus does as the service does it. Rejects when it is not so. */
export interface Agreement extends CaseBase {
  readonly run: Run;
}

/** One side of a difference: in words, and what is then observed. Where the service makes no promise, any of several. */
export interface Side {
  readonly says: string;
  readonly sees: readonly unknown[];
}

/** What the bus knowingly does differently. */
export interface Difference extends CaseBase {
  readonly bus: Side;
  readonly service: Side;
  readonly observe: (bench: Bench) => Promise<unknown>;
}

export type BrokerCase = Agreement | Difference;

export interface Section {
  readonly title: string;
  readonly cases: readonly BrokerCase[];
}

/** One source, several, or these with what the case needs beyond the making of entities. */
export type Origin =
  | string
  | readonly string[]
  | { readonly source: string | readonly string[]; readonly needs: readonly BrokerFeature[] };

interface Collector {
  /** A behaviour, as a sentence without its subject: "keeps a lock that is renewed". */
  test(title: string, origin: Origin, run: Run): void;
  differs(
    title: string,
    origin: Origin,
    sides: { readonly bus: Side; readonly service: Side },
    observe: (bench: Bench) => Promise<unknown>,
  ): void;
}

/** Collects the cases of one subject. */
export function section(title: string, define: (collector: Collector) => void): Section {
  const cases: BrokerCase[] = [];
  define({
    test: (name, origin, run) => cases.push({ section: title, title: name, ...read(origin), run }),
    differs: (name, origin, sides, observe) =>
      cases.push({ section: title, title: name, ...read(origin), ...sides, observe }),
  });
  return { title, cases };
}

function read(origin: Origin): Pick<CaseBase, 'sources' | 'needs'> {
  if (typeof origin === 'string') return { sources: [origin], needs: [] };
  if (!('source' in origin)) return { sources: origin, needs: [] };
  return { sources: [origin.source].flat(), needs: origin.needs };
}
