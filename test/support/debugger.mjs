/**
 * Loaded into a process with `--import`, it is the process's debugger: it sets a breakpoint at `BREAKPOINT` (a file of the
 * sources and a line) in whatever script has that line by its source map, as an editor does, and prints what it meets.
 */
import { readFileSync } from 'node:fs';
import { Session } from 'node:inspector';
import { SourceMap } from 'node:module';
import { fileURLToPath } from 'node:url';
import { isMainThread, Worker } from 'node:worker_threads';

if (isMainThread) {
  new Worker(fileURLToPath(import.meta.url)).unref();
} else {
  const [file = '', line = ''] = (process.env['BREAKPOINT'] ?? '').split(':');
  const session = new Session();
  session.connectToMainThread();
  /** @type {Map<string, string>} */
  const urls = new Map();
  session.on('Debugger.scriptParsed', ({ params: { scriptId, url, sourceMapURL } }) => {
    urls.set(scriptId, url);
    if (!url.startsWith('file:') || !sourceMapURL) return;
    const lineNumber = generatedLine(fileURLToPath(url), fileURLToPath(new URL(sourceMapURL, url)), file, Number(line));
    if (lineNumber >= 0) session.post('Debugger.setBreakpoint', { location: { scriptId, lineNumber } });
  });
  session.on('Debugger.paused', ({ params: { callFrames } }) => {
    const [top] = callFrames;
    console.log(`breakpoint ${file}:${line} in ${top?.functionName} of ${urls.get(top?.location.scriptId ?? '')}`);
    session.post('Debugger.resume');
  });
  session.post('Debugger.enable');
}

/**
 * The first line of a script that comes from a line of a source; -1 when none does.
 *
 * @param {string} script @param {string} map @param {string} file @param {number} line from 1
 */
function generatedLine(script, map, file, line) {
  const sources = new SourceMap(JSON.parse(readFileSync(map, 'utf8')));
  return readFileSync(script, 'utf8')
    .split('\n')
    .findIndex((text, index) => {
      const entry = sources.findEntry(index, text.search(/\S/));
      return 'originalSource' in entry && entry.originalSource.endsWith(`/${file}`) && entry.originalLine === line - 1;
    });
}
