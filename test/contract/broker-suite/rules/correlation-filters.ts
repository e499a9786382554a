/** The contract of correlation filters. */
import type { CorrelationFilter } from '../../../../shared/local/service-bus/filters/rule-definition.ts';
import { type Section, section } from '../../broker-case.ts';
import type { TestMessage } from '../../broker-driver.ts';
import { AMQP_REQUESTS, FILTERS } from '../sources.ts';
import { bodiesOf, routed, subscribed } from '../support.ts';

type Sketch = Omit<TestMessage, 'body'>;

export const correlationFilters: Section = section('correlation filters', ({ test }) => {
  const takes = (
    title: string,
    filter: Partial<CorrelationFilter>,
    { yes = [], no = [] }: { readonly yes?: readonly Sketch[]; readonly no?: readonly Sketch[] },
  ): void =>
    test(title, FILTERS, async (bench, expect) => {
      const whole = { kind: 'correlation', properties: {}, applicationProperties: {}, ...filter } as const;
      const messages = [
        ...yes.map((sketch, index) => ({ body: `yes ${index}`, ...sketch })),
        ...no.map((sketch, index) => ({ body: `no ${index}`, ...sketch })),
      ];

      const received = bodiesOf(await routed(bench, [{ name: 'r', filter: whole }], messages));

      expect(received.sort()).toEqual(yes.map((_, index) => `yes ${index}`));
    });

  for (const property of [
    'messageId',
    'correlationId',
    'subject',
    'to',
    'replyTo',
    'replyToSessionId',
    'sessionId',
    'contentType',
  ] as const) {
    takes(
      `compares ${property}`,
      { properties: { [property]: 'a' } },
      { yes: [{ [property]: 'a' }], no: [{ [property]: 'b' }, {}] },
    );
  }
  takes(
    'compares texts by case',
    { properties: { subject: 'A' } },
    { yes: [{ subject: 'A' }], no: [{ subject: 'a' }] },
  );
  takes(
    'compares an application property',
    { applicationProperties: { color: 'red' } },
    {
      yes: [{ applicationProperties: { color: 'red', size: 1 } }],
      no: [{ applicationProperties: { color: 'blue' } }, {}],
    },
  );
  takes(
    'compares a number by value',
    { applicationProperties: { size: 5 } },
    { yes: [{ applicationProperties: { size: 5 } }], no: [{ applicationProperties: { size: '5' } }] },
  );
  takes(
    'compares a boolean',
    { applicationProperties: { ready: true } },
    { yes: [{ applicationProperties: { ready: true } }], no: [{ applicationProperties: { ready: false } }] },
  );
  takes(
    'takes what fits in every property',
    { properties: { subject: 'A', correlationId: 'c' }, applicationProperties: { size: 5 } },
    {
      yes: [{ subject: 'A', correlationId: 'c', applicationProperties: { size: 5 } }],
      no: [
        { subject: 'A', correlationId: 'c', applicationProperties: { size: 6 } },
        { subject: 'A', applicationProperties: { size: 5 } },
      ],
    },
  );

  test('refuses a filter that compares nothing', AMQP_REQUESTS, async (bench, expect) => {
    const { topic } = await subscribed(bench);
    const filter = { kind: 'correlation', properties: {}, applicationProperties: {} } as const;

    await expect(bench.driver.addRule(topic, 's', { name: 'r', filter })).rejects.toThrow();
  });
});
