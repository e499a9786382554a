#!/usr/bin/env node
/** `npx platform-events`: the command line, built when first used. */
process.argv.splice(2, 0, 'shared/cli/main');
await import('./run.mjs');
