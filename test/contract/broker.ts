/** What every Service Bus must do, whoever speaks to it and however. One suite; a driver is all that differs. */
import { afterAll, beforeAll, describe, it } from 'vitest';
import type { BrokerDriver, BrokerFeature, BrokerFeatures } from './broker-driver.ts';
import { deadLetters } from './broker-suite/dead-letters.ts';
import { quotas } from './broker-suite/quotas.ts';
import { receiving } from './broker-suite/receiving.ts';
import { rules } from './broker-suite/rules.ts';
import { sending } from './broker-suite/sending.ts';
import { sessions } from './broker-suite/sessions.ts';

/** What a section of the suite works with. */
export interface Bench {
  /** The driver, from within a test. */
  driver(): BrokerDriver;
  /** A name that no other test uses, so that a driver may keep one namespace for all of them. */
  name(prefix: string): string;
  /** A test that needs these features; without one of them it is reported as skipped, with the driver's reason. */
  test(title: string, needs: readonly BrokerFeature[], run: () => Promise<void>): void;
}

let names = 0;

/** Defines the suite. Each section is a function of its own. */
export function brokerContract(title: string, makeDriver: () => Promise<BrokerDriver>, features: BrokerFeatures): void {
  describe(title, () => {
    let made: BrokerDriver | undefined;
    beforeAll(async () => {
      made = await makeDriver();
    });
    afterAll(async () => {
      await made?.close();
    });
    const bench: Bench = {
      driver: () => {
        if (!made) throw new Error('the driver is there once the tests run');
        return made;
      },
      name: (prefix) => `${prefix}-${process.pid}-${++names}`,
      test: (name, needs, run) => {
        const reasons = needs.map((need) => features[need]).filter((reason) => reason !== true);
        if (reasons.length === 0) it(name, run);
        else it.skip(`${name} (${reasons.join('; ')})`, run);
      },
    };
    for (const section of [sending, receiving, deadLetters, rules, sessions, quotas]) {
      describe(section.name, () => section(bench));
    }
  });
}
