/** `npm run infra`: what the templates in `infra/` read, and what they come to. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PermanentError } from '../errors.ts';
import { print, readFlags, runCommand } from '../terminal/command.ts';
import { INFRA } from '../terminal/usages.ts';
import { topology } from '../topology.ts';
import { findBicep, runBicep, SNAPSHOT } from './bicep.ts';
import { stalePages } from './docs/pages.ts';
import { templateInputs } from './template-inputs.ts';

await runCommand(async () => {
  const { values } = readFlags(INFRA.usage, INFRA.flags);
  const folder = 'infra';
  const inputs = templateInputs(topology);
  const stale = await stalePages(folder, inputs);
  const files = stale.map((name) => join(folder, name));
  if (values.check) {
    if (stale.length > 0) throw new PermanentError(`out of date: ${files.join(', ')}; npm run infra updates them`);
    print(`${inputs.size} files in ${folder} are up to date`);
    return;
  }
  for (const [index, name] of stale.entries()) await writeFile(files[index] ?? '', inputs.get(name) ?? '');
  const bicep = findBicep(process.env);
  if (bicep === undefined) {
    const todo = `${SNAPSHOT} may be out of date: there is no Bicep CLI on the PATH, nor in BICEP`;
    if (stale.length > 0) throw new PermanentError(`written: ${files.join(', ')}; ${todo}`);
    print(`${inputs.size} files in ${folder} are up to date; ${todo}`);
    return;
  }
  runBicep(bicep, 'snapshot', { mode: 'overwrite' });
  print(`written: ${[...files, SNAPSHOT].join(', ')}`);
});
