/** Loads a built Functions app as the Node worker does: the files of `main` in package.json, then the start hooks. */
import { readdir, readFile } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describeError, jsonFaultOf } from '../../describe-error.ts';
import { ConfigError } from '../../errors.ts';
import { parseJson } from '../../json.ts';
import { type HookName, installCoreModule, type ProgrammingModel, type Registry } from './core-module.ts';

/** A loaded app: its registrations, and the data that its hooks share. */
export interface FunctionsApp {
  readonly directory: string;
  readonly registry: Registry;
  readonly model: ProgrammingModel;
  readonly appHookData: Record<string, unknown>;
}

/**
 * Loads the app in a directory. Works once per process.
 *
 * @param hookData passed to the start hooks in their context
 * @throws ConfigError when `main` names no file, or the app registers no function
 */
export async function loadApp(directory: string, hookData: Record<string, unknown> = {}): Promise<FunctionsApp> {
  return startApp(directory, await loadFunctions(directory), hookData);
}

/**
 * Loads the registrations of an app, and starts nothing.
 *
 * @throws ConfigError when `main` names no file, or a file cannot be loaded
 */
export async function loadFunctions(directory: string): Promise<Registry> {
  const registry = installCoreModule();
  const files = await entryFiles(directory);
  for (const file of files) {
    try {
      await import(pathToFileURL(join(directory, file)).href);
    } catch (cause) {
      throw new ConfigError(`cannot load ${file}: ${describeError(cause)}`, {
        cause,
      });
    }
  }
  return registry;
}

/** Starts an app whose functions are registered already. */
export async function startApp(
  directory: string,
  registry: Registry,
  hookData: Record<string, unknown> = {},
): Promise<FunctionsApp> {
  const { model } = registry;
  if (!model || registry.functions.size === 0) throw new ConfigError(`${directory}: the app registers no function`);
  const appHookData: Record<string, unknown> = {};
  const app = { directory, registry, model, appHookData };
  await runHooks(app, 'appStart', { functionAppDirectory: directory, hookData });
  await model.getCapabilities({});
  registry.lock();
  return app;
}

/** Runs the hooks of a name, one after another, on one context. */
export async function runHooks(
  { registry, appHookData }: Pick<FunctionsApp, 'registry' | 'appHookData'>,
  name: HookName,
  context: Record<string, unknown>,
): Promise<void> {
  for (const callback of registry.hooks(name)) await callback(Object.assign(context, { appHookData }));
}

async function entryFiles(directory: string): Promise<string[]> {
  const path = join(directory, 'package.json');
  let main: unknown;
  try {
    ({ main } = Object(parseJson(await readFile(path, 'utf8'))));
  } catch (error) {
    throw new ConfigError(`cannot read ${path}: ${jsonFaultOf(error)}`);
  }
  if (typeof main !== 'string') throw new ConfigError(`${path}: main: expected the files of the app, got ${main}`);
  const pattern = globPattern(main);
  const fixed = main.split(/[*?{[]/, 1)[0]?.replace(/[^/]*$/, '') ?? '';
  const names = await readdir(join(directory, fixed), { recursive: true }).catch(() => []);
  const files = names.map((name) => fixed + name.split(sep).join('/')).filter((name) => pattern.test(name));
  if (files.length === 0) throw new ConfigError(`${path}: main: no file matches ${main}; build the app first`);
  return files.sort();
}

/** The pattern of a glob with `*`, `**`, `?` and `{a,b}`, the forms that apps use in `main`. */
export function globPattern(glob: string): RegExp {
  const source = glob
    .replace(/^\.\//, '')
    .replace(/[.+^$()|[\]\\]/g, '\\$&')
    .replace(/\*\*\/|\*\*|\*|\?|\{([^}]*)\}/g, (token, alternatives?: string) => {
      if (token === '**/') return '(?:[^/]+/)*';
      if (token === '**') return '.*';
      if (token === '*') return '[^/]*';
      if (token === '?') return '[^/]';
      return `(?:${(alternatives ?? '').split(',').join('|')})`;
    });
  return new RegExp(`^${source}$`);
}
