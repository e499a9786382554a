/**
 * How to reach the API server of a cluster and sign in there: with a kubeconfig, as the pod this runs in, or with an
 * Entra token. The only file that meets `@kubernetes/client-node`, for what it knows of kubeconfig files, their sign-in
 * plug-ins and TLS. Its typed API is left aside on purpose: it drops every field that its models do not know, and a
 * rollback that puts back the template of a newer Kubernetes must not lose one.
 */
import { readFile } from 'node:fs/promises';
import type { Agent } from 'node:http';
import { Agent as HttpsAgent, type RequestOptions } from 'node:https';
import { isIP } from 'node:net';
import type { KubeConfig } from '@kubernetes/client-node';
import type { PlatformConfig } from '../../config.ts';
import { faultOf } from '../../describe-error.ts';
import { ConfigError, PlatformError, TransientError } from '../../errors.ts';
import type { Clock } from '../../ports/clock.ts';
import { CachedToken, entraIssuer, type Issuer } from '../entra-token.ts';

/** What a request is sent with. The agent keeps its connections open. */
export interface ClusterConnection {
  readonly server: string;
  readonly agent: Agent;
  readonly headers: Readonly<Record<string, string>>;
}

export interface Connector {
  /** Signs in when that is due. @throws TransientError when that fails, ConfigError when it never can succeed */
  connect(): Promise<ClusterConnection>;
  /** Something is out of date, a token or a certificate: the next connection is made from what the files say then. */
  renew(refused: 'credentials' | 'connection'): void;
}

interface ConnectorOptions {
  readonly clock: Clock;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Gives the Entra tokens; the identity of this app unless set. */
  readonly issuer?: Issuer | undefined;
}

type ClusterConfig = PlatformConfig['clusters'][string];

/** Reads nothing yet: files and tokens are got when they are first needed. */
export function connectorOf(name: string, cluster: ClusterConfig, options: ConnectorOptions): Connector {
  const { server } = cluster;
  return server === undefined
    ? kubeconfigConnector(name, cluster)
    : entraConnector(name, { ...cluster, server }, options);
}

function kubeconfigConnector(name: string, cluster: ClusterConfig): Connector {
  let loaded: Promise<KubeConfig> | undefined;
  let kept: { readonly agent: Agent; readonly identity: string } | undefined;
  return {
    async connect() {
      loaded ??= loadKubeconfig(name, cluster);
      let plugIn: string | undefined;
      try {
        const kubeconfig = await loaded;
        plugIn = plugInOf(kubeconfig);
        const options: RequestOptions = {};
        await kubeconfig.applyToHTTPSOptions(options);
        // It makes an agent every time; one is kept, and the open connections with it, until the certificates change.
        const identity = [options.ca, options.cert, options.key, options.servername].map(String).join('\n');
        if (kept?.identity !== identity) {
          // Set on the agent that it made, which may be one that goes through a proxy.
          kept = { agent: Object.assign(options.agent as Agent, { keepAlive: true }), identity };
        }
        return { server: kubeconfig.getCurrentCluster()?.server ?? '', agent: kept.agent, headers: headersOf(options) };
      } catch (error) {
        loaded = undefined;
        throw signInError(name, error, plugIn);
      }
    },
    renew() {
      loaded = undefined;
    },
  };
}

async function loadKubeconfig(name: string, { kubeconfig, context, inCluster }: ClusterConfig): Promise<KubeConfig> {
  const path = `clusters.${name}`;
  const { KubeConfig } = await import('@kubernetes/client-node');
  const loaded = new KubeConfig();
  try {
    if (kubeconfig !== undefined) loaded.loadFromFile(kubeconfig);
    else if (inCluster) loaded.loadFromCluster();
    else loaded.loadFromDefault();
  } catch (error) {
    const which = kubeconfig === undefined ? 'the one where kubectl looks' : `"${kubeconfig}"`;
    throw new ConfigError(`${path}.kubeconfig: ${which} ${kubeconfigFault(error)}`);
  }
  if (context !== undefined) {
    const known = loaded.getContexts().map((one) => one.name);
    if (!known.includes(context)) {
      throw new ConfigError(`${path}.context: expected one of ${known.join(', ') || '(none)'}, got "${context}"`);
    }
    loaded.setCurrentContext(context);
  }
  const { authProvider } = loaded.getCurrentUser() ?? {};
  // The client lets such a program print to this process's own stderr, whatever it says.
  if (authProvider?.config?.['cmd-path'] !== undefined) {
    throw new ConfigError(
      `${path}.kubeconfig: expected an exec plug-in such as kubelogin, got auth-provider '${authProvider.name}', which Kubernetes 1.26 removed`,
    );
  }
  const server = loaded.getCurrentCluster()?.server;
  if (inCluster && server?.includes('undefined')) {
    throw new ConfigError(`${path}.inCluster: this process does not run in a pod of a cluster`);
  }
  // What the client makes up when it finds nothing at all.
  if (!server || (kubeconfig === undefined && server === 'http://localhost:8080')) {
    const expected = 'kubeconfig, inCluster or server';
    throw new ConfigError(
      kubeconfig === undefined
        ? `${path}: expected ${expected}, or a kubeconfig where kubectl looks for one, got nothing`
        : `${path}.kubeconfig: expected a current context, got none in "${kubeconfig}"`,
    );
  }
  return loaded;
}

/** The parser quotes the lines around the fault, and a token may be in them. */
function kubeconfigFault(error: unknown): string {
  const { code, mark } = Object(error) as { code?: unknown; mark?: { line?: unknown; column?: unknown } };
  if (typeof mark?.line === 'number' && typeof mark.column === 'number') {
    return `is no valid YAML: line ${mark.line + 1}, column ${mark.column + 1}`;
  }
  if (typeof code === 'string') return `cannot be read (${faultOf(error)})`;
  const missing = error instanceof Error && /^[a-z]+\[\d+\](\.[a-z]+)* is missing$/.test(error.message);
  return missing ? `is no kubeconfig: ${error.message}` : 'is no kubeconfig';
}

/** The program that the kubeconfig signs in with, by its name alone. */
function plugInOf(kubeconfig: KubeConfig): string | undefined {
  const { exec, authProvider } = kubeconfig.getCurrentUser() ?? {};
  const program = exec?.command ?? (authProvider ? `auth-provider ${authProvider.name}` : undefined);
  if (program === undefined) return undefined;
  const name = String(program).split(/[\\/]/).at(-1) ?? '';
  return /^[\w. -]{1,60}$/.test(name) ? `plug-in '${name}'` : 'plug-in';
}

function headersOf({ headers = {}, auth }: RequestOptions): Record<string, string> {
  const entries = Object.entries(headers).map(([key, value]) => [key, String(value)]);
  const basic = auth ? [['Authorization', `Basic ${Buffer.from(auth).toString('base64')}`]] : [];
  return Object.fromEntries([...entries, ...basic]);
}

function entraConnector(
  name: string,
  { server, certificateAuthority, scope }: ClusterConfig & { readonly server: string },
  { clock, environment, issuer }: ConnectorOptions,
): Connector {
  let agent: Promise<Agent> | undefined;
  let ownIssuer: Promise<Issuer> | undefined;
  const token = new CachedToken({
    issuer: async () => {
      ownIssuer ??= issuer ? Promise.resolve(issuer) : entraIssuer(environment);
      return ownIssuer;
    },
    scope,
    clock,
  });
  return {
    async connect() {
      try {
        agent ??= agentFor(name, server, certificateAuthority);
        return { server, agent: await agent, headers: { Authorization: `Bearer ${await token.value()}` } };
      } catch (error) {
        agent = undefined;
        throw signInError(name, error);
      }
    },
    renew(refused) {
      if (refused === 'credentials') token.forget();
      else agent = undefined;
    },
  };
}

async function agentFor(name: string, server: string, certificateAuthority: string | undefined): Promise<Agent> {
  const { protocol, hostname } = new URL(server);
  if (protocol !== 'https:') throw new ConfigError(`clusters.${name}.server: expected an https address`);
  // The server name of TLS may not be an address.
  const servername = isIP(hostname.replace(/[[\]]/g, '')) ? '' : hostname;
  if (certificateAuthority === undefined) return new HttpsAgent({ keepAlive: true, servername });
  try {
    return new HttpsAgent({ keepAlive: true, servername, ca: await readFile(certificateAuthority) });
  } catch (error) {
    const fault = `"${certificateAuthority}" cannot be read (${faultOf(error)})`;
    throw new ConfigError(`clusters.${name}.certificateAuthority: ${fault}`);
  }
}

/** What a plug-in printed, or an issuer answered, may hold what it signs in with. */
function signInError(name: string, error: unknown, plugIn?: string): Error {
  if (error instanceof PlatformError) return error;
  const fault = error instanceof Error && HARMLESS.has(error.message) ? error.message : faultOf(error);
  const why =
    plugIn === undefined ? fault : `the ${plugIn} of the kubeconfig failed (${fault}); run it by hand to see why`;
  return new TransientError(`cluster '${name}': cannot sign in: ${why}`);
}

/** Sentences of the client that say what to mend, and hold nothing of the file. */
const HARMLESS: ReadonlySet<string> = new Set([
  'HTTP protocol is not allowed when skipTLSVerify is not set or false',
  'No active cluster!',
  'No command was specified for exec authProvider!',
  'Token is expired!',
  'Unsupported proxy type',
]);
