import { readFileSync } from 'node:fs';
import type { InvocationContext } from '@azure/functions';
import type { ServiceBusReceivedMessage } from '@azure/service-bus';
import { beforeAll, describe, expect, it } from 'vitest';
import { traceContextOf } from '../../../../shared/local/functions-host/invoke.ts';
import { bodyData, triggerMetadata } from '../../../../shared/local/functions-host/message-data.ts';
import { functionApp } from '../../../support/function-app.ts';

function message(body: unknown, overrides: Partial<ServiceBusReceivedMessage> = {}): ServiceBusReceivedMessage {
  const received = {
    body,
    messageId: 'm-1',
    subject: 'DeploymentRequested',
    deliveryCount: 0,
    lockToken: '8b1d6f3c-0000-4000-8000-000000000001',
    enqueuedTimeUtc: new Date('2026-03-01T12:00:00.250Z'),
    applicationProperties: { 'Diagnostic-Id': '00-1', Nested: 1 },
    _rawAmqpMessage: { bodyType: 'data' },
    ...overrides,
  };
  // Only the fields above are read; the rest of the class is the SDK's.
  return received as unknown as ServiceBusReceivedMessage;
}

describe('a message on its way to the handler', () => {
  let seen: { body: unknown; context: InvocationContext };
  let deliver: (received: ServiceBusReceivedMessage) => Promise<typeof seen>;

  beforeAll(async () => {
    const app = await functionApp(({ serviceBusTopic }) =>
      serviceBusTopic('handler', {
        topicName: 't',
        subscriptionName: 's',
        connection: 'ServiceBus',
        handler: (body, context) => {
          seen = { body, context };
        },
      }),
    );
    deliver = async (received) => {
      const data = bodyData(received, undefined);
      await app.run('handler', {
        inputData: [{ name: app.triggerOf('handler'), data }],
        triggerMetadata: triggerMetadata(received, data),
        traceContext: traceContextOf(received.applicationProperties?.['Diagnostic-Id']),
      });
      return seen;
    };
  });

  it.each([
    ['a JSON object', '{"a":{"b":1}}', { a: { b: 1 } }],
    ['a number', '123', 123],
    ['a boolean', 'true', true],
    ['digits that are no JSON', '00123', '00123'],
    ['other text', 'hello', 'hello'],
    ['nothing', '', ''],
    ['bytes that are no UTF-8', Buffer.from('7b2261223a2261c3287d', 'hex'), '{"a":"a\ufffd(}'],
  ])('arrives as the library parses it: %s', async (_, text, expected) => {
    const { body } = await deliver(message(Buffer.from(text)));

    expect(body).toEqual(expected);
  });

  it('arrives from an AMQP value section that holds text', async () => {
    const { body } = await deliver(message('{"a":1}', { _rawAmqpMessage: { bodyType: 'value' } as never }));

    expect(body).toEqual({ a: 1 });
  });

  it.each([
    ['a number as an AMQP value', message(7, { _rawAmqpMessage: { bodyType: 'value' } as never }), 'type number'],
    ['an AMQP sequence', message([[1]], { _rawAmqpMessage: { bodyType: 'sequence' } as never }), 'sequence'],
  ])('fails before the handler: %s', (_, received, reason) => {
    expect(() => bodyData(received, undefined)).toThrow(reason);
  });

  it('brings the broker properties, first letters lower-cased, dates as text, the delivery counted from one', async () => {
    const { context } = await deliver(message(Buffer.from('[]'), { messageId: '12345', deliveryCount: 2 }));

    expect(context.triggerMetadata).toMatchObject({
      messageId: 12345,
      deliveryCount: 3,
      subject: 'DeploymentRequested',
      label: 'DeploymentRequested',
      enqueuedTimeUtc: '2026-03-01T12:00:00.25',
      enqueuedTime: '2026-03-01T12:00:00.25+00:00',
      applicationProperties: { 'diagnostic-Id': '00-1', nested: 1 },
      userProperties: { 'diagnostic-Id': '00-1', nested: 1 },
    });
    expect(context.triggerMetadata).not.toHaveProperty('sessionId');
  });

  it('lets the properties of a JSON body overwrite those of the broker', async () => {
    const body = {
      subject: 'default/shop/web',
      MessageID: 'mine',
      flag: true,
      count: 2,
      data: { x: 1 },
      list: [1],
      no: null,
    };

    const { context } = await deliver(message(Buffer.from(JSON.stringify(body))));

    expect(context.triggerMetadata).toMatchObject({
      subject: 'default/shop/web',
      messageId: 'mine',
      label: 'DeploymentRequested',
      flag: 'True',
      count: 2,
      data: { x: 1 },
    });
    expect(context.triggerMetadata).not.toHaveProperty('list');
    expect(context.triggerMetadata).not.toHaveProperty('no');
  });

  it('arrives whole when it is nested without end, and overwrites nothing', async () => {
    const text = `{"subject":"mine","data":${'['.repeat(50_000)}${']'.repeat(50_000)}}`;

    const { body, context } = await deliver(message(Buffer.from(text.replace('[', '{"a":[').replace(/\]}$/, ']}}'))));

    expect(body).toHaveProperty('data');
    expect(context.triggerMetadata?.['subject']).toBe('DeploymentRequested');
  });

  it('hands on the trace of the message, since this host has no span of its own', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

    const { context } = await deliver(
      message(Buffer.from('{}'), { applicationProperties: { 'Diagnostic-Id': traceparent } }),
    );

    expect(context.traceContext?.traceParent).toBe(traceparent);
  });

  it.each([undefined, 'nonsense', 7])('has no trace when the message has none: %s', (text) => {
    expect(traceContextOf(text)).toEqual({ traceParent: '' });
  });
});

describe('binary triggers', () => {
  it('get the bytes as they came', () => {
    expect(bodyData(message(Buffer.from([0xc3, 0x28])), 'binary')).toEqual({ bytes: Buffer.from([0xc3, 0x28]) });
  });
});

it('the sample settings and host.json are valid JSON', () => {
  for (const file of ['host.json', 'local.settings.sample.json']) JSON.parse(readFileSync(file, 'utf8'));
});
