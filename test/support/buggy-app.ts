/** A handler with a bug, and one delivery to it: to be packaged as the app is, and run. */
import { createLivePorts } from '../../shared/adapters/live.ts';
import { deliver } from '../../shared/delivery/deliver.ts';
import { newEvent } from '../../shared/events/cloud-event.ts';
import { DeploymentRequested } from '../../shared/events/deployment.ts';
import { connectionString } from '../../shared/local/service-bus/amqp/server.ts';
import type { EventBus } from '../../shared/ports/bus.ts';

async function handle(): Promise<void> {
  throw new RangeError('a bug');
}

function print(message: string, fields: object = {}): void {
  console.error(JSON.stringify({ message, ...fields }));
}

const settings = { ServiceBus: connectionString(1), StateStore: 'memory', Cluster: 'simulated' };
const log = { info: () => {}, warn: print, error: print };
/** Not at the top level: chunks that are loaded on the way import the file that waits for them. */
async function main(): Promise<void> {
  const { portsFor, close } = await createLivePorts(settings);
  await close();
  // The next attempt is all that is sent.
  const bus = { schedule: async () => {} } as unknown as EventBus;
  const data = { namespace: 'shop', deployment: 'web', image: 'ghcr.io/shop/web:1' };
  const body = JSON.stringify(newEvent(DeploymentRequested, { source: '/test', data }));
  await deliver(
    { definition: DeploymentRequested, handle, body },
    {
      ...portsFor(log),
      publisher: bus,
      deadLetterQueue: bus,
    },
  );
}

void main();
