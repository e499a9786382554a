/**
 * `platform-events/bus`: the local Service Bus from code. What is exported here is the package's promise to those who
 * install it; `docs/testing.md` shows it in use.
 */
import { ConfigError } from '../errors.ts';
import { readEmulatorConfig } from '../local/service-bus/config/emulator-config.ts';
import { TIERS } from '../local/service-bus/core/limits/limits.ts';
import { startBus } from '../local/service-bus/start.ts';

export interface LocalBusOptions {
  /** Of the AMQP endpoint; 0, any free one, unless given. */
  readonly port?: number | undefined;
  /** Of the administration; 0, any free one, unless given. */
  readonly adminPort?: number | undefined;
  /** The text of the official emulator's `Config.json`, for its entities; those of this platform when absent. */
  readonly config?: string | undefined;
  /** The sizes and counts of a tier; lenient ones when absent. */
  readonly tier?: keyof typeof TIERS | undefined;
}

/** A running bus. */
export interface RunningBus {
  /** What any Service Bus SDK connects with. */
  readonly connectionString: string;
  readonly url: string;
  readonly adminUrl: string;
  /** Cuts every connection, as a network fault does. */
  cut(): void;
  /** Closes every connection and forgets every message. */
  close(): Promise<void>;
}

/**
 * Starts a bus on this machine, on ports of its own: several may run at once.
 *
 * @example
 * const bus = await startLocalBus();
 * const client = new ServiceBusClient(bus.connectionString);
 * await client.close();
 * await bus.close();
 * @throws ConfigError that names the option, or the path in the configuration, and the value that does not fit
 */
export async function startLocalBus(options: LocalBusOptions = {}): Promise<RunningBus> {
  const { port = 0, adminPort = 0, config, tier } = options;
  if (tier !== undefined && !Object.hasOwn(TIERS, tier)) {
    throw new ConfigError(`tier: expected one of ${Object.keys(TIERS).join(', ')}, got '${tier}'`);
  }
  if (config !== undefined && typeof config !== 'string') {
    throw new ConfigError(`config: expected the text of a Config.json, got a value of type ${typeof config}`);
  }
  const { connectionString, url, adminUrl, cut, close } = await startBus({
    ...{ port, adminPort },
    plan: config === undefined ? undefined : readEmulatorConfig(config).plan,
    limits: tier && TIERS[tier],
  });
  return { connectionString, url, adminUrl, cut, close };
}
