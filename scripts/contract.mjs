#!/usr/bin/env node
/**
 * `npm run contract [-- --json]`: holds the contract of the local Service Bus against a real namespace, or Microsoft's
 * emulator, and reports which rows agree with what the suite and its table of differences say.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root } from './build.mjs';

/**
 * @typedef {object} Row
 * @property {string} section
 * @property {string} title
 * @property {readonly string[]} sources
 * @property {'agrees' | 'disagrees' | 'skipped'} outcome
 * @property {string} [why] of a row that does not agree
 * @property {{ bus: string, service: string, observed?: string }} [difference]
 */

/**
 * What is to be known of one test of the suite.
 *
 * @param {import('vitest').TaskMeta['contract'] & {}} about
 * @param {{ state: string, errors?: readonly { message: string }[] | undefined }} result
 * @param {string} name the test's name, which says why it is skipped
 * @returns {Row}
 */
export function rowOf({ case: { section, title, sources }, difference, observed }, result, name) {
  const sides = difference && { difference: { ...difference, ...(observed !== undefined && { observed }) } };
  const row = { section, title, sources, ...sides };
  if (result.state === 'passed') return { ...row, outcome: 'agrees' };
  if (result.state === 'skipped')
    return { ...row, outcome: 'skipped', why: name.slice(title.length).trim().slice(1, -1) };
  const [first = 'it did not end'] = (result.errors ?? []).map(({ message }) => message.split('\n')[0] ?? '');
  return { ...row, outcome: 'disagrees', why: first };
}

/** @param {readonly Row[]} rows @returns {string} */
export function reportText(rows) {
  const of = (/** @type {Row['outcome']} */ outcome) => rows.filter((row) => row.outcome === outcome);
  const lines = [
    `${rows.length} rows: ${of('agrees').length} agree, ${of('disagrees').length} disagree, ${of('skipped').length} skipped`,
  ];
  for (const row of rows.filter(({ difference }) => difference)) {
    const { bus = '', service = '', observed } = row.difference ?? {};
    lines.push('', `difference: ${row.title}: ${row.outcome}`, `  the bus ${bus}`, `  the service ${service}`);
    if (observed !== undefined) lines.push(`  observed: ${observed}`);
  }
  for (const { section, title, why = '', sources } of of('disagrees')) {
    lines.push('', `DISAGREES: ${section} > ${title}`, `  ${why}`, ...sources.map((source) => `  ${source}`));
  }
  const reasons = groupByWhy(of('skipped'));
  if (reasons.size > 0) lines.push('');
  for (const [why, skipped] of reasons) lines.push(`skipped: ${skipped.length}: ${why}`);
  return `${lines.join('\n')}\n`;
}

/** @param {readonly Row[]} rows @returns {Map<string, Row[]>} */
function groupByWhy(rows) {
  const groups = new Map();
  for (const row of rows) groups.set(row.why ?? '', [...(groups.get(row.why ?? '') ?? []), row]);
  return groups;
}

const USAGE = `usage: SERVICE_BUS_CONNECTION_STRING=… npm run contract [-- --json]

Runs the contract suite against the namespace of the connection string, which needs the right to manage. It makes
queues and topics of its own and deletes them again, also after Ctrl-C. It exits with 1 when a row disagrees or something
is left, with 2 when the suite cannot run there, and with 130 after Ctrl-C.

  SERVICE_BUS_WAIT=true    cases that need time to pass wait for it: about a quarter of an hour
  SERVICE_BUS_ADMIN_PORT   where an emulator is administered; 5300 when absent
`;

/**
 * Runs the suite. What stood in its way is in `faults`: a namespace that refuses, or what could not be deleted.
 *
 * @returns {Promise<{ rows: Row[], faults: string[], isInterrupted: boolean }>}
 */
async function run() {
  const { createVitest } = await import('vitest/node');
  /** Vitest tells of a test that is skipped by an interruption more than once. @type {Map<string, Row>} */
  const rows = new Map();
  /** @type {string[]} */
  const faults = [];
  const note = (/** @type {{ errors(): readonly { message: string }[] }} */ place) =>
    void faults.push(...place.errors().map(({ message }) => message));
  const vitest = await createVitest('test', {
    root,
    watch: false,
    reporters: [
      {
        onTestCaseResult: (test) => {
          const about = test.meta().contract;
          if (about) rows.set(test.id, rowOf(about, test.result(), test.name));
          if (process.stderr.isTTY) process.stderr.write(`\r${rows.size} rows`);
        },
        onTestSuiteResult: note,
        onTestModuleEnd: note,
      },
    ],
  });
  let isInterrupted = false;
  // What runs comes to its end, and the suite deletes what it has made. Another Ctrl-C ends all at once.
  const interrupt = () => {
    isInterrupted = true;
    process.stderr.write('\ninterrupted: deleting what was made; Ctrl-C again leaves it there\n');
    void vitest.cancelCurrentRun('keyboard-input');
  };
  // Vitest's own listener ends the process at once.
  process.removeAllListeners('SIGINT').once('SIGINT', interrupt);
  try {
    await vitest.start([join(root, 'test/contract/broker.azure.test.ts')]);
  } finally {
    process.off('SIGINT', interrupt);
    await vitest.close();
    if (process.stderr.isTTY) process.stderr.write('\r');
  }
  return { rows: [...rows.values()], faults, isInterrupted };
}

/** @returns {Promise<number>} the exit code */
async function main() {
  const [option, ...rest] = process.argv.slice(2);
  if (option === '--help' || option === '-h') {
    process.stdout.write(USAGE);
    return 0;
  }
  if ((option !== undefined && option !== '--json') || rest.length > 0) {
    process.stderr.write(`unexpected argument '${rest[0] ?? option}'\n${USAGE}`);
    return 2;
  }
  const connection = process.env['SERVICE_BUS_CONNECTION_STRING'];
  if (!connection) {
    process.stderr.write(`SERVICE_BUS_CONNECTION_STRING is not set\n${USAGE}`);
    return 2;
  }
  if (!/(^|;)Endpoint=sb:\/\/[^/;]/i.test(connection)) {
    process.stderr.write('SERVICE_BUS_CONNECTION_STRING has no Endpoint=sb://…\n');
    return 2;
  }
  const { rows, faults, isInterrupted } = await run();
  const known = rows.filter(({ outcome, why }) => outcome !== 'skipped' || why !== '');
  const ran = known.some(({ outcome }) => outcome !== 'skipped');
  if (ran) process.stdout.write(option === '--json' ? `${JSON.stringify(known, undefined, 2)}\n` : reportText(known));
  for (const fault of faults) process.stderr.write(`${fault}\n`);
  if (isInterrupted) return 130;
  if (!ran) return 2;
  return faults.length > 0 || known.some(({ outcome }) => outcome === 'disagrees') ? 1 : 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = await main();
