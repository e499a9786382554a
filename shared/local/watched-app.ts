/**
 * The app that is built and loaded again when its code changes, while the bus and the state go on: `npm start -- --watch`.
 * Each build is loaded beside the one that runs, and takes its place when it is ready; what does not build or load is said.
 */
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { TransientError } from '../errors.ts';
import { explain } from '../terminal/command.ts';
import type { AppHost, AppHostOptions } from './app-host.ts';
import type { ArrivedEvent } from './start-output.ts';

interface WatchOptions extends AppHostOptions {
  readonly onEvent: (event: ArrivedEvent) => void;
  /** Takes how long it took from the change until it ran, in milliseconds. */
  readonly onReload: (ms: number) => void;
  readonly onError: (text: string) => void;
}

/** What `scripts/watch.mjs` says after each build: when the change was seen, and the folder of the app or what is wrong. */
type Build = { readonly since: number } & ({ readonly app: string } | { readonly error: string });

/** Handlers never wait long. What still runs then is delivered again when its lock ends. */
const DRAIN_MS = 1_000;

/** Builds and starts the app in a directory of this repository's. @throws TransientError when it does not build */
export async function startWatchedApp(options: WatchOptions): Promise<AppHost> {
  const { directory, onEvent, onReload, onError } = options;
  const builder = new Worker(join(directory, 'scripts', 'watch.mjs'));
  // A message of the builder's.
  const [first] = (await once(builder, 'message')) as [Build];
  if ('error' in first) throw new TransientError(first.error);

  let app = first.app;
  let host = await start(app, options);
  // A free port that was taken is kept: the addresses that were shown hold.
  const { httpPort } = host;

  const reload = async (build: Build): Promise<void> => {
    if ('error' in build) return onError(`not reloaded: ${build.error}`);
    try {
      host = await start(build.app, { ...options, httpPort }, () => host.stop(DRAIN_MS));
    } catch (error) {
      await rm(build.app, { recursive: true, force: true });
      return onError(`not reloaded: ${explain(error)}`);
    }
    onReload(Date.now() - build.since);
    await rm(app, { recursive: true, force: true });
    app = build.app;
  };
  let reloading = Promise.resolve();
  builder.on('message', (build: Build) => {
    reloading = reloading.then(() => reload(build)).catch((error: unknown) => onError(explain(error)));
  });
  builder.on('error', (error: unknown) => onError(`nothing is reloaded any more: ${explain(error)}`));
  return {
    ...host,
    publish: (event) => host.publish(event),
    stop: async (limitMs) => {
      await builder.terminate();
      await host.stop(limitMs);
    },
  };

  async function start(folder: string, appOptions: AppHostOptions, beforeListening?: () => Promise<void>) {
    const { href } = pathToFileURL(join(folder, 'shared', 'local', 'app-host.js'));
    // Built from that file.
    const { startAppHost } = (await import(href)) as typeof import('./app-host.ts');
    const { isVerbose, isJson } = appOptions;
    const own = { directory: folder, httpPort: appOptions.httpPort, isVerbose, isJson };
    return startAppHost(own, onEvent, beforeListening);
  }
}
