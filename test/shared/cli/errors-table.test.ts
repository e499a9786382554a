import { expect, it } from 'vitest';
import type { ErrorEntry } from '../../../shared/api/errors.ts';
import { errorDetails, errorsTable } from '../../../shared/cli/errors/errors-table.ts';

const entry = {
  sequenceNumber: '17',
  deadLetteredAt: '2026-03-01T12:00:00.000Z',
  reason: 'InvalidEvent',
  description: `invalid event:\n${'x'.repeat(200)}`,
  type: 'Deployment\u001b[31mRequested',
  messageId: 'm-1',
};

const usual = { isFiltered: false, isOneReason: false, width: 80 };
const table = (entries: readonly ErrorEntry[], options = {}): string => errorsTable(entries, { ...usual, ...options });

it('shows an entry as lines that do nothing to the terminal', () => {
  expect(table([entry]).split('\n')).toEqual([
    'InvalidEvent  1',
    '  NUMBER  SINCE (UTC)       TYPE                      SUBJECT',
    '  17      2026-03-01 12:00  Deployment [31mRequested  m-1',
    `      invalid event: ${'x'.repeat(56)}...`,
  ]);
});

it('groups the entries by reason, the most frequent one first, and says how to see the rest', () => {
  const timeouts = Array.from({ length: 12 }, (_, index) => ({
    ...entry,
    sequenceNumber: String(index + 20),
    reason: 'ClusterError',
  }));

  const text = table([entry, ...timeouts]);

  expect(text.match(/^\S.*$/gm)).toEqual(['ClusterError  12', 'InvalidEvent  1']);
  expect(text).toContain('\n  and 2 more: errors list --reason ClusterError\n');
  expect(text).not.toContain('\n  30 ');
  expect(table(timeouts, { isOneReason: true })).toContain('\n  31 ');
});

it.each([80, 120])('keeps to %i columns, whatever senders wrote', (width) => {
  const long = { ...entry, reason: 'R'.repeat(200), type: 'T'.repeat(200), subject: 's'.repeat(200) };
  const lines = table([entry, long, { ...long, sequenceNumber: '9'.repeat(30) }], { width }).split('\n');

  expect(Math.max(...lines.map((line) => line.length))).toBe(width);
});

it('says which entries are replayed by themselves', () => {
  const returning = { ...entry, description: 'gave up', returnsAt: '2026-03-01T12:05:00.000Z' };

  expect(table([returning])).toMatch(/\n {6}\(replayed by itself at 12:05:00\) gave up$/);
});

it('says why there is nothing to show', () => {
  expect(table([])).toBe('the errors queue is empty');
  expect(table([], { isFiltered: true })).toBe('no entry matches');
});

it('shows the body of an entry in its lines', () => {
  expect(errorDetails({ ...entry, body: 'one\ntwo\u001b[2J' })).toMatch(/\nbody:\none\ntwo \[2J$/);
  expect(errorDetails({ ...entry, body: { a: 1 } })).toMatch(/\nbody:\n\{\n {2}"a": 1\n\}$/);
});
