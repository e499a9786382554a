/** Numbers that JavaScript cannot hold, through everything that an event goes through. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eventMessage, redeliveryMessage } from '../../../shared/delivery/bus-message.ts';
import { childEvent, newEvent } from '../../../shared/events/cloud-event.ts';
import { DeploymentRequested, DeploymentStarted } from '../../../shared/events/deployment.ts';
import { exactJson, exactNumbersIn, putExactNumbers } from '../../../shared/events/exact-numbers.ts';
import { parseEvent } from '../../../shared/events/parse.ts';
import { sampleData } from '../../support/events.ts';

const BIG = '4603086877212508601';
const event = newEvent(DeploymentRequested, { id: 'e-1', source: '/ci', data: sampleData.DeploymentRequested });

/** The event with more JSON in its data, and among its attributes. */
function textWith(inData: string, attributes = ''): string {
  const text = JSON.stringify(event).replace('"data":{', `"data":{${inData},`);
  return attributes === '' ? text : text.replace('{', `{${attributes},`);
}

const parsed = (body: unknown) => parseEvent({ body, receivedAt: 0 }).event;
const sent = (it: Parameters<typeof eventMessage>[0]): string => eventMessage(it).body.toString();

describe('a number beyond 2^53 in a field that is not declared', () => {
  it.each([
    ['in data', `"build":${BIG}`],
    ['negative', `"build":-${BIG}`],
    ['with many decimals', '"ratio":0.12345678901234567890'],
    ['in a list', `"builds":[1,[${BIG},2],{"a":${BIG}}]`],
    [
      'within a declared object',
      `"commit":{"sha":"${'a'.repeat(40)}","timestamp":"2026-03-01T12:00:00Z","run":${BIG}}`,
    ],
    ['beside texts that look alike', `"note":"\\"build\\":${BIG},[{","x\\"y":{"b\\u0075ild":${BIG}}`],
    ['under a name of the prototype', `"constructor":{"toString":${BIG}}`],
  ])('is sent on with its digits: %s', (_, inData) => {
    const received = parsed(textWith(inData));
    const asBytes = parsed(Buffer.from(textWith(inData)));
    const digits = inData.match(/-?[\d.]{17,}/g) ?? [];

    const redelivered = redeliveryMessage({
      event: received,
      at: 0,
      to: 'deployment-requested',
      redelivery: 1,
      messageId: 'm',
    });

    for (const body of [sent(received), sent(asBytes), redelivered.body.toString()]) {
      expect(body.match(/-?[\d.]{17,}/g)).toEqual(digits);
      expect(body).not.toContain('\\u0000');
      expect(parsed(body).data).toEqual(received.data);
    }
  });

  it('is sent on in children whose data was kept in a store', () => {
    const kept = JSON.parse(JSON.stringify(parsed(textWith(`"build":${BIG}`)).data));

    const child = childEvent(event, DeploymentStarted, {
      handler: 'deployment-requested',
      data: { ...kept, requestId: 'r' },
      time: event.time,
    });

    expect(sent(child)).toContain(`"build":${BIG}`);
  });

  it('is sent on as an extension attribute, in a single-element array, in binary mode and in data_base64', () => {
    expect(sent(parsed(textWith('"a":1', `"buildid":${BIG}`)))).toContain(`"buildid":${BIG}`);
    expect(sent(parsed(`[${textWith(`"build":${BIG}`)}]`))).toContain(`"build":${BIG}`);
    const { data, ...attributes } = event;
    const withBuild = JSON.stringify(data).replace('{', `{"build":${BIG},`);
    const applicationProperties = Object.fromEntries(
      Object.entries(attributes).map(([name, value]) => [`cloudEvents:${name}`, value]),
    );
    const binary = parseEvent({ body: withBuild, applicationProperties, receivedAt: 0 }).event;
    expect(sent(binary)).toContain(`"build":${BIG}`);
    const encoded = { ...attributes, data_base64: Buffer.from(withBuild).toString('base64') };
    expect(sent(parsed(JSON.stringify(encoded)))).toContain(`"build":${BIG}`);
  });

  it('stays in an event that is newer than this build', () => {
    const text = textWith(`"build":${BIG}`, `"buildid":${BIG}`).replace('"DeploymentRequested"', '"DeploymentPaused"');

    expect(() => parsed(text)).toThrowError(
      expect.objectContaining({ attributes: expect.objectContaining({ type: 'DeploymentPaused' }) }),
    );
    try {
      parsed(text);
    } catch (error) {
      const body = exactJson(Reflect.get(Object(error), 'attributes'));
      expect(body).toContain(`"build":${BIG}`);
      expect(body).toContain(`"buildid":${BIG}`);
    }
  });
});

it('keeps a declared field a number', () => {
  const { data } = parsed(textWith(`"replicas":3.0000000000000000`)) as { data: { replicas?: unknown } };

  expect(data.replicas).toBe(3);
});

it('takes no text of a sender for a number', () => {
  expect(() => parsed(textWith(`"build":"\\u0000number:5","n":${BIG}`))).toThrow('text without NUL');
});

it('finds every long number of any JSON, and nothing else, and writes them as they were', () => {
  const long = fc.bigInt({ min: 10n ** 16n, max: 10n ** 30n }).map((n) => `${n % 10n === 0n ? n + 1n : n}`);
  const leaf = fc.oneof(
    { withCrossShrink: true },
    fc.string().map((text) => JSON.stringify(text)),
    fc.integer().map(String),
    fc.constantFrom('true', 'false', 'null', JSON.stringify('"\0number:5"'), JSON.stringify(`,"a":${BIG}`)),
    long,
  );
  const { json } = fc.letrec<{ json: string }>((tie) => ({
    json: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      leaf,
      fc.array(tie('json'), { maxLength: 4 }).map((items) => `[${items.join(',')}]`),
      fc
        .uniqueArray(
          fc.tuple(
            fc.string().map((name) => JSON.stringify(`k${name}`)),
            tie('json'),
          ),
          {
            maxLength: 4,
            selector: ([name]) => name,
          },
        )
        .map((fields) => `{${fields.map(([name, value]) => `${name}:${value}`).join(',')}}`),
    ),
  }));

  fc.assert(
    fc.property(json, (text) => {
      const value = { it: JSON.parse(text) };
      const whole = `{"it":${text}}`;

      putExactNumbers(value, exactNumbersIn(whole));

      expect(exactJson(value)).toBe(whole);
    }),
  );
});
