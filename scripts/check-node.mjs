/**
 * Ends the process with one line on a Node that `engines` of package.json does not allow, before anything fails with a
 * stack. The commands import it first. It is written in JavaScript that an old Node can read.
 */
import { readFileSync } from 'node:fs';

const { name, engines } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));

/** @param {string} version @param {string} range such as `^20.19.0` or `>=24.0.0` */
function fits(version, range) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [leastMajor = 0, leastMinor = 0] = range.replace(/^\D+/, '').split('.').map(Number);
  return major === leastMajor ? minor >= leastMinor : range.startsWith('>=') && major > leastMajor;
}

/** @type {string[]} */
const ranges = engines.node.split(' || ');
if (!ranges.some((range) => fits(process.versions.node, range))) {
  const known = ranges.map((range) => range.replace(/^\D+|(\.0)+$/g, ''));
  console.error(`${name} needs Node ${known.join(', ')} or later; this is Node ${process.versions.node}`);
  process.exit(1);
}
