/** What every Service Bus must do, whoever speaks to it and however. One suite; a driver is all that differs. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, it, vi } from 'vitest';
import type { BrokerCase } from './broker-case.ts';
import type { BrokerDriver, BrokerFeatures } from './broker-driver.ts';
import { sections } from './broker-suite/sections.ts';

interface ContractOptions {
  readonly makeDriver: () => Promise<BrokerDriver>;
  readonly features: BrokerFeatures;
  /** Whose side of a difference is expected. */
  readonly expects: 'bus' | 'service';
  /** Whether time passes for all anyway. Otherwise cases that move it get a driver of their own, as a restart does. */
  readonly sharesTime: boolean;
}

/** What a test tells the report of the third driver. */
export interface CaseMeta {
  readonly case: Pick<BrokerCase, 'section' | 'title' | 'sources'>;
  /** Of a difference. */
  readonly difference?: { readonly bus: string; readonly service: string };
  readonly observed?: string;
}

declare module 'vitest' {
  interface TaskMeta {
    contract?: CaseMeta;
  }
}

let names = 0;
/** Of two runs in one namespace. */
const RUN = randomUUID().slice(0, 8);
const name = (prefix: string): string => `${prefix}-${RUN}-${++names}`;

/** Defines the suite. Its cases run side by side: each has entities of its own. */
export function brokerContract(title: string, options: ContractOptions): void {
  // They mostly wait for each other's sockets.
  vi.setConfig({ maxConcurrency: 16 });
  describe.concurrent(title, () => {
    let shared: BrokerDriver | undefined;
    beforeAll(async () => {
      shared = await options.makeDriver();
    });
    afterAll(async () => {
      await shared?.close();
    });
    for (const { title: subject, cases } of sections) {
      describe(subject, () => {
        for (const one of cases) define(one, options, () => shared);
      });
    }
  });
}

function define(one: BrokerCase, options: ContractOptions, shared: () => BrokerDriver | undefined): void {
  const { section, title, sources, needs } = one;
  const about: CaseMeta = {
    case: { section, title, sources },
    ...('observe' in one && { difference: { bus: one.bus.says, service: one.service.says } }),
  };
  const reasons = needs.map((need) => options.features[need]).filter((reason) => reason !== true);
  if (reasons.length > 0) {
    it.skip(`${title} (${reasons.join('; ')})`, { meta: { contract: about } }, () => {});
    return;
  }
  it(title, { meta: { contract: about } }, async ({ task, expect, signal }) => {
    const isAlone = needs.includes('restart') || (needs.includes('time') && !options.sharesTime);
    const own = isAlone ? await options.makeDriver() : undefined;
    const given = own ?? shared();
    if (!given) throw new Error('the driver is there once the tests run');
    const driver: BrokerDriver = { ...given, advance: (ms) => given.advance(ms, signal) };
    try {
      if ('run' in one) {
        await one.run({ driver, name }, expect);
        return;
      }
      const seen = await one.observe({ driver, name });
      task.meta.contract = { ...about, observed: JSON.stringify(seen) ?? 'nothing' };
      const { says, sees } = one[options.expects];
      expect(sees, `expected that it ${says}`).toContainEqual(seen);
    } finally {
      await own?.close();
    }
  });
}
