/** The broker contract on the core itself, in virtual time. */
import { brokerContract } from './broker.ts';
import { coreDriver } from './broker-core-driver.ts';

brokerContract('the core', {
  makeDriver: async () => coreDriver(),
  features: {
    time: true,
    rest: 'the core has no REST interface',
    batchDelete: true,
    bareLinks: 'the core has no links',
    restart: 'the core ends with its process',
  },
  expects: 'bus',
  sharesTime: false,
});
