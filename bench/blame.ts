/**
 * Whom the rules blame when a page fires: a thousand made-up histories of each situation, counted, paged and judged by the
 * functions that the handler calls. `no page`: drawn beside them, as nobody was paged; `twins`: an ideal observer could not
 * have told the culprit from another release either; `told`: the share found of the others; `alone`: something innocent
 * went back although no other release lies within 20 minutes of the onset.
 *
 * Bars: no wrong culprit; nothing innocent alone or beside a control, and at most 12 % where nothing else tells; 85 % of
 * the culprits found that can be told. Ends with 1 when one is missed.
 */
import { parseArgs } from 'node:util';
import { missedBars, RESULTS, type Row, rowOf, SITUATION_NAMES } from '../test/support/blame-table.ts';

const USAGE = `npm run bench -- blame [options]
  --histories <n>     of each situation, with a page (1000)
  --seed <n>          another seed, other histories (0)
  --situation <text>  only those whose name holds it
  --json              one object a situation instead of the table`;

const { values } = parseArgs({
  options: {
    histories: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '0' },
    situation: { type: 'string', default: '' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

function wholeNumber(name: 'histories' | 'seed', from: number): number {
  const value = Number(values[name]);
  if (Number.isSafeInteger(value) && value >= from && value <= 1_000_000) return value;
  console.error(`--${name} is '${values[name]}', expected a whole number from ${from} to 1000000`);
  process.exit(2);
}

function line(name: string, cells: readonly (string | number)[]): string {
  return name.padEnd(43) + cells.map((cell) => String(cell || '').padStart(10)).join('');
}

function cellsOf({ counts, alone, foundShare }: Row): (string | number)[] {
  const told = foundShare === undefined ? '' : `${(100 * foundShare).toFixed(1)} %`;
  return [...RESULTS.map((result) => counts[result]), alone, told];
}

if (values.help) {
  console.log(USAGE);
  process.exit(0);
}
const [histories, seed] = [wholeNumber('histories', 1), wholeNumber('seed', 0)];
const situations = SITUATION_NAMES.filter((name) => name.includes(values.situation));
if (situations.length === 0) {
  console.error(`--situation is '${values.situation}', expected part of one of: ${SITUATION_NAMES.join('; ')}`);
  process.exit(2);
}
const start = performance.now();
if (!values.json) console.log(line('situation', [...RESULTS, 'alone', 'told']));
const misses = situations.flatMap((situation) => {
  const row = rowOf(situation, histories, seed);
  console.log(values.json ? JSON.stringify(row) : line(situation, cellsOf(row)));
  return missedBars(row);
});
if (!values.json) console.log(`${((performance.now() - start) / 1_000).toFixed(0)} s`);
for (const miss of misses) console.error(`missed: ${miss}`);
process.exitCode = misses.length > 0 ? 1 : 0;
