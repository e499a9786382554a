/**
 * The bus over TLS and over WebSockets, as the real SDK uses it and without any work-around. It runs in a process of its
 * own, which trusts the certificate as users' programs do, by NODE_EXTRA_CA_CERTS.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LocalBus, startBus } from '../../../../../shared/local/service-bus/start.ts';
import { developmentCertificate } from '../../../../../shared/local/service-bus/transport/development-certificate.ts';

const program = join(dirname(fileURLToPath(import.meta.url)), '../../../../support/sdk-session.mjs');
const folder = mkdtempSync(join(tmpdir(), 'transports-'));
const certificate = developmentCertificate(folder);
let bus: LocalBus;

beforeAll(async () => {
  bus = await startBus({ port: 0, adminPort: 0, tls: { ...certificate, port: 0, httpsPort: 0 } });
});
afterAll(async () => {
  await bus.close();
  rmSync(folder, { recursive: true });
});

async function run(args: readonly string[], trusted: string | undefined = certificate.file): Promise<unknown> {
  const { stdout } = await promisify(execFile)(process.execPath, [program, ...args], {
    env: { ...process.env, NODE_EXTRA_CA_CERTS: trusted },
  });
  return JSON.parse(stdout);
}

const DONE = { first: 'hello', isWhole: true, maxDeliveryCount: 3, isListed: true };
/** A connection string as the emulator documents it for the administration: its port, and the word for emulators. */
const emulators = (url: string): string =>
  bus.connectionString.replace(/localhost:\d+/, `localhost:${new URL(url).port}`);

describe('the SDK for JavaScript, with the certificate trusted and nothing else changed', () => {
  it('speaks AMQP over TLS, and HTTPS to the administration, with one connection string', async () => {
    expect(bus.tls?.connectionString).not.toContain('UseDevelopmentEmulator');
    expect(await run([bus.tls?.connectionString ?? '', 'tcp'])).toEqual(DONE);
  });

  it('speaks AMQP over WebSockets at the port of TLS (azure-service-bus-emulator-installer 51)', async () => {
    expect(await run([bus.tls?.connectionString ?? '', 'websocket'])).toEqual(DONE);
  });

  it('opens WebSockets at the port of AMQP, where it looks with an emulator', async () => {
    expect(await run([bus.connectionString, 'websocket'])).toEqual(DONE);
  });

  it('administers at the port of AMQP, with one connection string (dapr components-contrib 3674)', async () => {
    expect(await run([bus.connectionString, 'tcp'])).toEqual(DONE);
  });

  it("administers at the administration's port over HTTPS (azure-sdk-for-js 32757)", async () => {
    expect(await run([bus.connectionString, 'tcp', emulators(bus.adminUrl)])).toEqual(DONE);
  });

  it('refuses a certificate that it was not told to trust', async () => {
    expect(await run([bus.tls?.connectionString ?? '', 'tcp'], '')).toEqual({
      error: expect.stringContaining('self-signed certificate'),
    });
  });
});
