import type { InvocationContext } from '@azure/functions';
import { beforeAll, expect, it } from 'vitest';
import { traceContextOf } from '../../../../shared/local/functions-host/invoke.ts';
import { functionApp } from '../../../support/function-app.ts';

const calls: string[] = [];
let app: Awaited<ReturnType<typeof functionApp>>;

beforeAll(async () => {
  const { app: library } = await import('@azure/functions');
  app = await functionApp((functions) => {
    const topic = { topicName: 't', subscriptionName: 's', connection: 'ServiceBus' };
    functions.serviceBusTopic('succeeds', {
      ...topic,
      handler: (body, context: InvocationContext) => {
        context.warn('careful', { at: 1 });
        calls.push(`handler ${JSON.stringify(body)}`);
        return 'result';
      },
    });
    functions.serviceBusTopic('fails', { ...topic, handler: () => Promise.reject(new Error('broken')) });
    functions.hook.appStart(() => void calls.push('start'));
    functions.hook.preInvocation((context) => {
      calls.push('before');
      const { inputs, functionHandler } = context;
      context.inputs = [{ wrapped: inputs[0] }];
      context.functionHandler = (...args) => functionHandler(...args);
    });
    functions.hook.postInvocation((context) => {
      calls.push(`after ${context.result ?? context.error}`);
      if (JSON.stringify(context.inputs).includes('forgive')) context.error = undefined;
    });
    functions.hook.log((context) => {
      context.message = `[${context.message}]`;
    });
  });
  expect(() =>
    library.serviceBusTopic('late', { topicName: 't', subscriptionName: 's', connection: 'c', handler: () => {} }),
  ).toThrow('only be registered during app startup');
});

const request = (name: string, text: string) => ({
  inputData: [{ name: app.triggerOf(name), data: { string: text } }],
  triggerMetadata: {},
  traceContext: traceContextOf(undefined),
});

it('runs the hooks around the handler, and lets them change input, callback and log', async () => {
  calls.length = 0;

  const { returnValue } = await app.run('succeeds', request('succeeds', '1'));

  expect(calls).toEqual(['before', 'handler {"wrapped":1}', 'after result']);
  expect(returnValue).toEqual({ string: 'result' });
  expect(app.logs).toMatchObject([{ level: 'warning', category: 'user', message: '[careful { at: 1 }]' }]);
});

it('passes the error of the handler on, unless a hook clears it', async () => {
  await expect(app.run('fails', request('fails', '1'))).rejects.toThrow('broken');
  await expect(app.run('fails', request('fails', 'forgive'))).resolves.toBeDefined();
});
