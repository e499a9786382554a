/** Listens on a subscription of its own: `SERVICE_BUS` is a connection string that may receive from it. */
import { ServiceBusClient } from '@azure/service-bus';
import { HealthCheck, InvalidEventError, readEvent, topicOf } from 'platform-events';

const client = new ServiceBusClient(process.env['SERVICE_BUS'] ?? '');
const receiver = client.createReceiver(topicOf(HealthCheck.type), 'reports', { skipParsingBodyAsJson: true });

receiver.subscribe({
  processMessage: async (message) => {
    try {
      const event = readEvent(message);
      if (event.type !== 'HealthCheck') return;
      const { service, good, total } = event.data;
      console.log(`${service}: ${good} of ${total}`);
    } catch (error) {
      // What is no event will not be one the next time; anything else comes again.
      if (!(error instanceof InvalidEventError)) throw error;
      await receiver.deadLetterMessage(message, {
        deadLetterReason: error.reason,
        deadLetterErrorDescription: error.message,
      });
    }
  },
  processError: async ({ error }) => console.error(error.message),
});
console.log('listening');
