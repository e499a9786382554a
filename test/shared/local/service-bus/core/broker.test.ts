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
  it('routes an event to its handler, and an event without a handler to the errors queue', () => {
    applyTopology(broker, topology);

    broker.send('deployment-events', [
      message('wanted', { subject: 'DeploymentRequested' }),
      message('addressed', { subject: 'DeploymentRequested', to: 'deployment-requested' }),
      message('misdirected', { subject: 'DeploymentRequested', to: 'elsewhere' }),
      message('unknown', { subject: 'Nonsense' }),
      message('bare'),
    ]);

    const handler = broker.resolve('deployment-events/subscriptions/DEPLOYMENT-requested');
    expect(bodies(handler.receive(10))).toEqual(['wanted', 'addressed']);
    expect(bodies(broker.resolve('errors').receive(10))).toEqual(['misdirected', 'unknown', 'bare']);
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
