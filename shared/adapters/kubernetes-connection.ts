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
import type { PlatformConfig } from '../config.ts';
import { describeError } from '../describe-error.ts';
import { ConfigError, PlatformError, TransientError } from '../errors.ts';
import type { Clock } from '../ports.ts';
import { entraIssuer, type Issuer, Token } from './kubernetes-token.ts';

/** What a request is sent with. The agent keeps its connections open. */
export interface Connection {
  readonly server: string;
  readonly agent: Agent;
  readonly headers: Readonly<Record<string, string>>;
}

export interface Connector {
  /** Signs in when that is due. @throws TransientError when that fails, ConfigError when it never can succeed */
  connect(): Promise<Connection>;
  /** Something is out of date, a token or a certificate: the next connection is made from what the files say then. */
  renew(refused: 'credentials' | 'connection'): void;
}

export interface ConnectorOptions {
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
      try {
        const kubeconfig = await loaded;
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
        throw signInError(name, error);
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
  } catch (cause) {
    throw new ConfigError(`${path}.kubeconfig: ${messageOf(cause)}`, { cause });
  }
  if (context !== undefined) {
    const known = loaded.getContexts().map((one) => one.name);
    if (!known.includes(context)) {
      throw new ConfigError(`${path}.context: expected one of ${known.join(', ') || '(none)'}, got "${context}"`);
    }
    loaded.setCurrentContext(context);
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
  const token = new Token({
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
  if (protocol !== 'https:') throw new ConfigError(`clusters.${name}.server: expected https, got "${server}"`);
  // The server name of TLS may not be an address.
  const servername = isIP(hostname.replace(/[[\]]/g, '')) ? '' : hostname;
  if (certificateAuthority === undefined) return new HttpsAgent({ keepAlive: true, servername });
  try {
    return new HttpsAgent({ keepAlive: true, servername, ca: await readFile(certificateAuthority) });
  } catch (cause) {
    throw new ConfigError(`clusters.${name}.certificateAuthority: ${messageOf(cause)}`, { cause });
  }
}

function signInError(name: string, error: unknown): Error {
  if (error instanceof PlatformError) return error;
  return new TransientError(`cluster '${name}': cannot sign in: ${describeError(error)}`, { cause: error });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
