/** Puts the broker together: its core, and the filters that its subscriptions compile their rules with. */

import { Broker, type BrokerOptions } from './core/broker.ts';
import { compileRule } from './filters/rule.ts';

/** @example const broker = createBroker({ clock: new VirtualClock() }); */
export function createBroker(options: Omit<BrokerOptions, 'compileRule'>): Broker {
  return new Broker({ ...options, compileRule });
}
