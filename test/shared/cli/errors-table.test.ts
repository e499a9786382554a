import { expect, it } from 'vitest';
import { errorDetails, errorsTable } from '../../../shared/cli/errors/errors-table.ts';

const entry = {
  sequenceNumber: '17',
  deadLetteredAt: '2026-03-01T12:00:00.000Z',
  reason: 'InvalidEvent',
  description: `invalid event:\n${'x'.repeat(200)}`,
  type: 'Deployment\u001b[31mRequested',
  messageId: 'm-1',
};

it('shows an entry as a line that does nothing to the terminal', () => {
  const [head, line, ...more] = errorsTable([entry], false).split('\n');

  expect(more).toEqual([]);
  expect(head).toMatch(/^NUMBER +SINCE \(UTC\) +REASON +TYPE +SUBJECT +WHY$/);
  expect(line).toMatch(
    /^17 +2026-03-01 12:00:00 +InvalidEvent +Deployment \[31mRequested +m-1 +invalid event: x{82}\.\.\.$/,
  );
});

it('says which entries are replayed by themselves', () => {
  const returning = { ...entry, description: 'gave up', returnsAt: '2026-03-01T12:05:00.000Z' };

  expect(errorsTable([returning], false)).toMatch(/ \(replayed by itself at 12:05:00\) gave up$/);
});

it('says why there is nothing to show', () => {
  expect(errorsTable([], false)).toBe('the errors queue is empty');
  expect(errorsTable([], true)).toBe('no entry matches');
});

it('shows the body of an entry in its lines', () => {
  expect(errorDetails({ ...entry, body: 'one\ntwo\u001b[2J' })).toMatch(/\nbody:\none\ntwo \[2J$/);
  expect(errorDetails({ ...entry, body: { a: 1 } })).toMatch(/\nbody:\n\{\n {2}"a": 1\n\}$/);
});
