/** `npm run bus`: the in-memory Service Bus alone. */
import { ConfigError, TransientError } from '../errors.ts';
import {
  complain,
  print,
  printJson,
  readFlags,
  readPort,
  runCommand,
  stopOnSignal,
  UsageError,
} from '../terminal/command.ts';
import { readTextFile } from '../terminal/flag-files.ts';
import { BUS } from '../terminal/usages.ts';
import { isLoopback } from './local-http.ts';
import { EMULATOR_KEY } from './service-bus/amqp/server.ts';
import { readEmulatorConfig } from './service-bus/config/emulator-config.ts';
import { EMULATOR_LIMITS } from './service-bus/config/emulator-schema.ts';
import type { EntityPlan } from './service-bus/config/entity-plan.ts';
import { PUBLIC_KEY } from './service-bus/core/authorization-rule.ts';
import { BrokerError } from './service-bus/core/broker-error.ts';
import { type Limits, TIERS } from './service-bus/core/limits/limits.ts';
import { type BusOptions, type LocalBus, startBus, type TlsOptions } from './service-bus/start.ts';
import type { DevelopmentCertificate } from './service-bus/transport/development-certificate.ts';

/** @throws UsageError when the file cannot be read @throws ConfigError that names the file and the place in it */
function readPlan(file: string, strict: boolean): EntityPlan {
  const text = readTextFile('config', file);
  const { plan, warnings } = readEmulatorConfig(text, { origin: file, strict });
  for (const warning of warnings) complain(`warning: ${warning}`);
  return plan;
}

/** @throws UsageError when the key is malformed, or when other machines could use the emulator's public key */
function readKey(file: string | undefined, host: string): string {
  const source = file === undefined ? 'BUS_KEY' : `--key-file ${file}`;
  const key = (file === undefined ? process.env['BUS_KEY'] : readTextFile('key-file', file))?.trim() || undefined;
  if (key === undefined && file === undefined) {
    if (isLoopback(host)) return EMULATOR_KEY.key;
    throw new UsageError(`--host ${host}: the emulator's key is public; set your own with --key-file or BUS_KEY`);
  }
  // Any other character would end the key early in a connection string, or be invalid in a header.
  if (key !== undefined && /^[A-Za-z0-9+/=_-]{16,}$/.test(key)) return key;
  throw new UsageError(
    `${source}: expected a key of at least 16 letters, digits or any of + / = _ - (openssl rand -base64 32 makes one)`,
  );
}

/** @throws UsageError when other machines could use a rule's public key */
function checkAccess(
  { authorizationRules = [], identities, queues, topics }: EntityPlan,
  host: string,
  isOn: boolean,
): void {
  const rules = [
    ...authorizationRules,
    ...[...queues, ...topics].flatMap(({ properties }) => properties.authorizationRules ?? []),
  ];
  const open = rules.find(({ primaryKey, secondaryKey }) => primaryKey === PUBLIC_KEY || secondaryKey === PUBLIC_KEY);
  if (open && !isLoopback(host)) {
    throw new UsageError(
      `--host ${host}: the emulator's key is public; give the rule '${open.name}' a PrimaryKey of its own`,
    );
  }
  if (identities && !isOn) complain('warning: Identities have no effect without --identity');
}

/**
 * @throws TransientError that names the flag of a port that is taken
 *
 * @throws UsageError for another machine's address, and for a port that this user may not have
 *
 * @throws ConfigError for an entity that cannot be
 */
async function startOrExplain(options: BusOptions): Promise<LocalBus> {
  const flags: [string, number | undefined][] = [
    ['--port', options.port],
    ['--tls-port', options.tls?.port],
    ['--https-port', options.tls?.httpsPort],
    ['--admin-port', options.adminPort],
  ];
  const twice = flags.find(([, port], at) => port && flags.slice(0, at).some(([, other]) => other === port));
  if (twice) throw new UsageError(`${twice[0]}: port ${twice[1]} is asked for twice; every port has to be another`);
  try {
    return await startBus(options);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    const port = error instanceof Error && 'port' in error ? error.port : options.port;
    const flag = flags.find(([, wanted]) => wanted === port)?.[0] ?? '--port';
    if (code === 'EADDRINUSE') throw new TransientError(`port ${port} is in use; choose another with ${flag}`);
    if (code === 'EACCES') {
      throw new UsageError(
        `${flag}: port ${port} is kept from this user; choose one above 1023, or allow it (see the docs)`,
      );
    }
    if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
      throw new UsageError(`--host: this machine has no address '${options.host}'`);
    }
    // The plan asks for what no namespace has.
    if (error instanceof BrokerError) throw new ConfigError(`--config: ${error.message}`);
    throw error;
  }
}

type Certified = TlsOptions & DevelopmentCertificate;

/**
 * Undefined without `--tls`.
 *
 * @throws UsageError for a port without it
 *
 * @throws ConfigError when the certificate cannot be kept
 */
async function readTls(
  isAsked: boolean,
  port: string | undefined,
  httpsPort: string | undefined,
): Promise<Certified | undefined> {
  if (!isAsked) {
    const flag = port === undefined ? '--https-port' : '--tls-port';
    if (port !== undefined || httpsPort !== undefined) throw new UsageError(`${flag} needs --tls`);
    return undefined;
  }
  const { developmentCertificate } = await import('./service-bus/transport/development-certificate.ts');
  return {
    ...developmentCertificate(),
    port: readPort('tls-port', port ?? '5671'),
    httpsPort: httpsPort === undefined ? undefined : readPort('https-port', httpsPort),
  };
}

/** @throws UsageError for a tier that does not exist */
function readLimits(tier: string | undefined, strict: boolean): Partial<Limits> | undefined {
  if (tier === undefined) return strict ? EMULATOR_LIMITS : undefined;
  if (strict) throw new UsageError('--strict: the emulator has no tiers; leave --tier out');
  if (tier === 'standard' || tier === 'premium') return TIERS[tier];
  throw new UsageError(`--tier: expected standard or premium, got '${tier}'`);
}

await runCommand(async () => {
  const { values } = readFlags(BUS.usage, BUS.flags);
  const key = readKey(values['key-file'], values.host);
  if (values.strict && values.config === undefined) throw new UsageError('--strict needs --config');
  const plan = values.config === undefined ? undefined : readPlan(values.config, values.strict);
  if (plan) checkAccess(plan, values.host, values.identity);
  const tls = await readTls(values.tls, values['tls-port'], values['https-port']);
  const bus = await startOrExplain({
    port: readPort('port', values.port),
    adminPort: readPort('admin-port', values['admin-port']),
    tls,
    identity: values.identity,
    host: values.host,
    key: { name: EMULATOR_KEY.name, key },
    limits: readLimits(values.tier, values.strict),
    plan,
  });
  stopOnSignal(() => bus.close());
  const shown = (text: string): string => (key === EMULATOR_KEY.key ? text : text.replace(key, '***'));
  const { url, adminUrl } = bus;
  const connectionString = shown(bus.connectionString);
  const identity = bus.identity && { ...bus.identity, IDENTITY_HEADER: shown(bus.identity.IDENTITY_HEADER) };
  const secure = bus.tls && { ...bus.tls, connectionString: shown(bus.tls.connectionString), certificate: tls?.file };
  if (values.json) printJson({ url, connectionString, adminUrl, tls: secure, identity });
  else {
    print(`ready ${url}`);
    print(`ServiceBus=${connectionString}`);
    print(`administration ${adminUrl}`);
    for (const [name, value] of Object.entries(identity ?? {})) print(`${name}=${value}`);
    if (tls && secure) {
      print(`tls ${secure.url}`);
      print(`ServiceBus=${secure.connectionString}`);
      print(`certificate ${tls.file}, until ${tls.expiresAt.toISOString().slice(0, 10)}`);
      if (tls.isNew)
        print(`made just now; have clients trust it: NODE_EXTRA_CA_CERTS=${tls.file} for Node, others in the docs`);
    }
  }
});
