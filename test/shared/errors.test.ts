/** Our words for the faults of libraries: enough to know what to do, and nothing that could be a secret. */
import { describe, expect, it } from 'vitest';
import { faultOf } from '../../shared/describe-error.ts';
import { ConfigError, formatIssue } from '../../shared/errors.ts';

describe('faultOf', () => {
  const withFields = (error: Error, fields: object): Error => Object.assign(error, fields);

  it.each([
    ['an error of ours', new ConfigError('Cluster: expected a value'), 'Cluster: expected a value'],
    [
      'a fault of the network',
      withFields(new Error('connect ECONNREFUSED hunter2'), { code: 'ECONNREFUSED' }),
      'ECONNREFUSED',
    ],
    [
      'what fetch throws',
      new TypeError('hunter2', { cause: withFields(new Error('hunter2'), { code: 'ENOTFOUND' }) }),
      'ENOTFOUND',
    ],
    [
      'an answer',
      withFields(new Error('hunter2'), { statusCode: 403, code: 'AuthorizationFailure' }),
      '403 AuthorizationFailure',
    ],
    ['a code that is none', withFields(new Error(''), { statusCode: 403, code: 'hunter2-Hunter2' }), '403'],
    ['a key in the place of a code', withFields(new Error(''), { code: 'Zm9vYmFyYmF6cXV4' }), 'unknown error'],
    [
      'several',
      new AggregateError([withFields(new Error('hunter2'), { code: 'ServiceBusy' }), new Error('')]),
      'ServiceBusy',
    ],
    [
      'a fault in the text',
      withFields(new Error('ECONNRESET: hunter2'), { code: 'GeneralError' }),
      'GeneralError ECONNRESET',
    ],
    ['a refusal by Entra', new Error('AADSTS7000215: Invalid client secret hunter2.'), 'AADSTS7000215'],
    ['a time-out', new DOMException('hunter2', 'TimeoutError'), 'no answer in time'],
    ['a time-out within', new TypeError('', { cause: new DOMException('hunter2', 'AbortError') }), 'no answer in time'],
    ['a fault of a parser', new SyntaxError('Unexpected token: hunter2'), 'SyntaxError'],
    ['an error without any mark', new Error('hunter2'), 'unknown error'],
    ['no error at all', 'hunter2', 'unknown error'],
    ['an error that caused itself', loop(), 'unknown error'],
  ])('recognises %s by its marks alone', (_, error, expected) => {
    expect(faultOf(error)).toBe(expected);
  });

  function loop(): Error {
    const error = new Error('hunter2');
    error.cause = error;
    return error;
  }
});

describe('formatIssue', () => {
  it.each([
    ['hunter2', 'a string'],
    [42, 'a number'],
    [['hunter2'], 'an array'],
    [{ hunter2: 'hunter2' }, 'an object'],
    [null, 'null'],
  ])('names only the kind of a secret %j', (value, kind) => {
    expect(formatIssue({ path: 'a.b', value, expected: 'a name', isSecret: true })).toBe(
      `a.b: expected a name, got ${kind} (not shown: it may hold a secret)`,
    );
  });
});
