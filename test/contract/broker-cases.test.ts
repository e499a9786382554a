/** The cases of the broker contract themselves: every one has a source, and none hides another. */
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { reportText, rowOf } from '../../scripts/contract.mjs';
import { INFERRED } from './broker-suite/inferred.ts';
import { allCases, sections } from './broker-suite/sections.ts';

describe('the cases of the broker contract', () => {
  it('are learned from documentation pages, public issues and tests of SDKs, which each of them names', () => {
    const source =
      /^https:\/\/(learn\.microsoft\.com\/(azure|rest|dotnet|previous-versions)\/[\w./()=-]+|github\.com\/[\w.-]+\/[\w.-]+\/((issues|pull)\/\d+|blob\/[0-9a-f]{40}\/[\w./-]+))$/;
    const without = allCases.filter(({ sources: [first, ...others] }) => {
      const isWrong = (url: string): boolean => url !== 'inferred' && !source.test(url);
      return first === undefined || !source.test(first) || others.some(isWrong);
    });

    expect(without.map(({ title }) => title)).toEqual([]);
  });

  it('are there, where one is said to be inferred', () => {
    const inferred = Object.entries(INFERRED).flatMap(([title, cases]) => cases.map((one) => `${title}: ${one}`));
    const known = new Set(allCases.map(({ section, title }) => `${section}: ${title}`));

    expect(inferred.filter((one) => !known.has(one))).toEqual([]);
  });

  it('have titles of their own', () => {
    for (const { cases } of sections) {
      const titles = cases.map(({ title }) => title);
      expect(new Set(titles).size).toBe(titles.length);
    }
  });

  it('say of a difference what both sides do, and what is seen of each', () => {
    const wrong = allCases.filter(
      (one) => 'observe' in one && [one.bus, one.service].some(({ says, sees }) => says === '' || sees.length === 0),
    );

    expect(wrong).toEqual([]);
    expect(allCases.some((one) => 'observe' in one)).toBe(true);
  });
});

describe('the report', () => {
  const about = (title: string) => ({ case: { section: 'sending', title, sources: ['https://example.com'] } });
  const rows = [
    rowOf(about('agrees'), { state: 'passed' }, 'agrees'),
    rowOf(about('fails'), { state: 'failed', errors: [{ message: 'expected 1, got 2\nat x' }] }, 'fails'),
    rowOf(about('waits'), { state: 'skipped' }, 'waits (nobody waits)'),
    rowOf(
      { ...about('locks'), difference: { bus: 'gives back', service: 'waits' }, observed: '[1]' },
      { state: 'passed' },
      'locks',
    ),
  ];

  it('says of each row whether it agrees, and why not', () => {
    expect(rows.map(({ outcome, why }) => [outcome, why])).toEqual([
      ['agrees', undefined],
      ['disagrees', 'expected 1, got 2'],
      ['skipped', 'nobody waits'],
      ['agrees', undefined],
    ]);
  });

  it('shows the differences with what was observed, and what disagrees with its source', () => {
    const text = reportText(rows);

    expect(text).toContain('4 rows: 2 agree, 1 disagree, 1 skipped');
    expect(text).toContain('difference: locks: agrees\n  the bus gives back\n  the service waits\n  observed: [1]');
    expect(text).toContain('DISAGREES: sending > fails\n  expected 1, got 2\n  https://example.com');
    expect(text).toContain('skipped: 1: nobody waits');
  });
});

describe('npm run contract', () => {
  it.each([
    ['', 'SERVICE_BUS_CONNECTION_STRING is not set'],
    ['nonsense', 'SERVICE_BUS_CONNECTION_STRING has no Endpoint=sb://…'],
  ])("refuses the connection string '%s', and does not call it agreement", (connection, reason) => {
    const { status, stderr } = spawnSync(process.execPath, ['scripts/contract.mjs'], {
      env: { ...process.env, SERVICE_BUS_CONNECTION_STRING: connection },
      encoding: 'utf8',
    });

    expect(status).toBe(2);
    expect(stderr).toContain(reason);
  });
});
