/**
 * Ends a command whose npm has ended. npm sends a SIGTERM to the shell of a script, which dies without passing it on,
 * and a SIGKILL ends npm alone. The command would go on using its ports unnoticed. (`exec` in the scripts of
 * package.json would not help against SIGKILL, and cmd.exe does not have it.)
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const LOOK_MS = 250;

/**
 * Sends this process a SIGTERM when npm, or the shell in between, has ended. Does nothing for a command that npm did
 * not start: one that a shell puts into the background is meant to outlive the shell.
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
 * The process above the shell. Undefined when it is unknown, or when npm itself is the parent, because the shell has
 * become the command.
 *
 * @param {number} parent
 */
function npmAbove(parent) {
  const [, above, name = ''] = /^(\d+) (.+)$/.exec(describe(parent)) ?? [];
  return above !== undefined && /^-?(\S*\/)?[a-z]*sh$/.test(name) ? Number(above) : undefined;
}

/** The id of a process's parent, and the process's name. @param {number} pid */
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
