/** Creates a broker from its core and the filters that compile its rules. */

import { Broker, type BrokerOptions } from './core/broker.ts';
import { compileRule } from './filters/rule.ts';

/** @example const broker = createBroker({ clock: new VirtualClock() }); */
export function createBroker(options: Omit<BrokerOptions, 'compileRule'>): Broker {
  return new Broker({ ...options, compileRule });
}
