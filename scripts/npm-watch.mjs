/**
 * Ends a command whose npm has ended. npm hands a SIGTERM to the shell that it runs a script in, and that shell dies of it
 * without handing it on; a SIGKILL reaches nobody else. The command would stay on its ports, unseen. (`exec` in the scripts
 * of package.json would not help against SIGKILL, and cmd.exe has none.)
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const LOOK_MS = 250;

/**
 * Sends this process a SIGTERM when npm, or the shell between, is gone. Does nothing for a command that npm did not start:
 * one that is put into the background by a shell is meant to outlive it.
 */
export function endWithNpm() {
  if (process.env['npm_lifecycle_event'] === undefined) return;
  const parent = process.ppid;
  const npm = npmAbove(parent);
  const timer = setInterval(() => {
    if (process.ppid === parent && (npm === undefined || isAlive(npm))) return;
    clearInterval(timer);
    process.kill(process.pid, 'SIGTERM');
  }, LOOK_MS);
  timer.unref();
}

/**
 * The process above the shell. Undefined when the shell has become the command, so that npm is the parent, and where
 * it cannot be known.
 *
 * @param {number} parent
 */
function npmAbove(parent) {
  const [, above, name = ''] = /^(\d+) (.+)$/.exec(describe(parent)) ?? [];
  return above !== undefined && /^-?(\S*\/)?[a-z]*sh$/.test(name) ? Number(above) : undefined;
}

/** Its parent's id and its name. @param {number} pid */
function describe(pid) {
  try {
    if (process.platform !== 'linux') {
      return execFileSync('ps', ['-o', 'ppid=,comm=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    }
    // pid (name) state parent …; slim images have no ps.
    const [, name, parent] = /^\d+ \((.*)\) \S (\d+) /s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
    return `${parent} ${name}`;
  } catch {
    return '';
  }
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
