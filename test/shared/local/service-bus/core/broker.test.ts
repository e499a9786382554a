import { beforeEach, describe, expect, it } from 'vitest';
import { applyTopology } from '../../../../../shared/local/service-bus/config/apply-topology.ts';
import type { Broker } from '../../../../../shared/local/service-bus/core/broker.ts';
import { VirtualClock } from '../../../../../shared/local/service-bus/core/clock.ts';
import type { DeliveredMessage } from '../../../../../shared/local/service-bus/core/held-message.ts';
import type { OutgoingMessage } from '../../../../../shared/local/service-bus/core/message.ts';
import { createBroker } from '../../../../../shared/local/service-bus/create-broker.ts';
import { topology } from '../../../../../shared/topology.ts';

function message(body: string, more: Partial<OutgoingMessage> = {}): OutgoingMessage {
  return { body, sizeBytes: body.length, ...more };
}

function bodies(deliveries: readonly { content: { body: unknown } }[]): unknown[] {
  return deliveries.map(({ content }) => content.body);
}

let clock: VirtualClock;
let broker: Broker;
beforeEach(() => {
  clock = new VirtualClock();
  broker = createBroker({ clock });
});

describe('the topology', () => {
  it('brings all that comes on a topic to its handler, but what is addressed to another subscription alone', () => {
    applyTopology(broker, topology);

    broker.send('deployment-requested', [
      message('wanted', { subject: 'DeploymentRequested' }),
      message('redelivered', { subject: 'DeploymentRequested', to: 'only:deployment-requested' }),
      message('another’s', { subject: 'DeploymentRequested', to: 'only:audit' }),
      message('from JMS', { to: 'deployment-requested' }),
      message('unknown', { subject: 'Nonsense', to: 'elsewhere' }),
      message('bare'),
    ]);

    const handler = broker.resolve('deployment-requested/subscriptions/DEPLOYMENT-requested');
    expect(bodies(handler.receive(10))).toEqual(['wanted', 'redelivered', 'from JMS', 'unknown', 'bare']);
    expect(broker.resolve('errors').activeCount).toBe(0);
  });
});

describe('consumers', () => {
  it('are pushed to as far as their credit goes, in turn', async () => {
    broker.createQueue('q');
    const queue = broker.resolve('q');
    const seen: string[] = [];
    const take = (who: string) => (delivery: DeliveredMessage) => void seen.push(`${who}:${delivery.content.body}`);
    const a = queue.openConsumer({ mode: 'peekLock', onMessage: take('a') });
    const b = queue.openConsumer({ mode: 'peekLock', onMessage: take('b') });
    a.addCredit(2);
    b.addCredit(1);

    broker.send(
      'q',
      ['1', '2', '3', '4'].map((body) => message(body)),
    );
    await Promise.resolve();

    expect(seen).toEqual(['a:1', 'b:2', 'a:3']);
    expect(a.drain()).toBe(0);
    a.close();
    expect(bodies(queue.receive(10))).toEqual(['1', '3', '4']);
  });
});
