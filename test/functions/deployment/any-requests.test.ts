/**
 * Many requests for few targets, with images that become ready, fail, are slow or meet server errors; messages are
 * delivered in any order, late and repeatedly, and runs are cut off, for good or for a while.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  canonical,
  checkOf,
  forgetfulDelivery,
  realDelivery,
  requestAt,
  runningBefore,
  T0,
} from '../../support/deployment-exploration.ts';
import { walk } from '../../support/explore.ts';

const tags = fc.constantFrom('1', '2', '3', 'fail-1', 'fail-2', 'slow-1', 'error-1');
const targets = fc.constantFrom('web', 'web', 'api');
const requests = fc
  .array(fc.tuple(tags, targets), { minLength: 1, maxLength: 8 })
  .map((asked) => asked.map(([tag, deployment], index) => requestAt(index * 1_500, tag, deployment)));

describe('any requests, in any order and with any trouble', () => {
  it.each([
    { name: 'the real delivery', process: realDelivery },
    { name: 'a delivery that remembers nothing', process: forgetfulDelivery },
  ])(
    'each end once and leave no target half done, with $name',
    async ({ process }) => {
      const walked = fc.asyncProperty(
        requests,
        fc.array(fc.nat(), { maxLength: 400, size: 'max' }),
        async (mails, choices) => {
          let used = 0;
          // When the choices are used up, things go on in order.
          const choose = (below: number): number => (choices[used++] ?? 1) % Math.max(1, below);
          const check = checkOf({ requests: mails });
          const options = {
            mails,
            now: T0,
            duplicates: true,
            cuts: 6,
            prepare: runningBefore,
            process,
            canonical,
            check,
          };

          const { published } = await walk(options, choose);

          expect(published.size).toBeGreaterThan(mails.length);
        },
      );
      await fc.assert(walked, { numRuns: Number(globalThis.process.env['RUNS'] ?? 150) });
    },
    600_000,
  );
});
