/** The contract on the local Functions host, in this process, on a bus of its own. */
import { expect, it } from 'vitest';
import { startFunctionsHost } from '../../shared/local/functions-host/functions-host.ts';
import { startBus } from '../../shared/local/service-bus/start.ts';
import { buildProbe, makeQueues, PROBE_SETTINGS } from '../support/probe-host.ts';
import { functionsHostContract } from './functions-host.ts';

const errors: string[] = [];

functionsHostContract(
  'the local Functions host',
  async () => {
    const bus = await startBus({ port: 0, adminPort: 0 });
    makeQueues(bus);
    const app = await buildProbe(bus.connectionString);
    const host = await startFunctionsHost({
      directory: app.directory,
      settings: { ...PROBE_SETTINGS, 'AzureWebJobs.elsewhere.Disabled': '1', ServiceBus: bus.connectionString },
      httpPort: 0,
      onLog: () => {},
      onError: (name, message) => void errors.push(`${name}: ${message}`),
    });
    return {
      baseUrl: `http://127.0.0.1:${host.httpPort}`,
      serviceBus: bus.connectionString,
      close: async () => {
        await host.stop(5_000);
        await Promise.all([bus.close(), app.remove()]);
      },
    };
  },
  { functionKeys: 'keys are not checked, as with func start' },
);

it('says which disabled function the app does not have', () => {
  expect(errors.filter((error) => error.startsWith('host: '))).toEqual([
    'host: the setting AzureWebJobs.elsewhere.Disabled names no function of this app',
  ]);
});
