/** The npm package as its users have it: unpacked in a project that has nothing else, with its own examples. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConsumerProject, packNpm, strictly } from '../support/consumer-project.ts';
import { RunningScript } from '../support/processes.ts';

const bare = new ConsumerProject();
const project = new ConsumerProject();
const tsc = 'node_modules/typescript/bin/tsc';

beforeAll(() => {
  const tarball = packNpm();
  bare.unpack(tarball, ['zod', 'typescript']);
  project.unpack(tarball, ['zod', '@azure/service-bus', '@types', 'typescript', 'vitest']);
  project.addExamples();
}, 60_000);

afterAll(() => {
  bare.remove();
  project.remove();
});

const packed = (...path: string[]): string => join(bare.directory, 'node_modules', ...path);

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
}

const bytesIn = (folder: string): number => filesIn(folder).reduce((sum, file) => sum + statSync(file).size, 0);

describe('the tarball', () => {
  it('takes less than 8 MB with what it depends on', () => {
    const manifest = JSON.parse(readFileSync(packed('platform-events', 'package.json'), 'utf8'));

    expect(Object.keys(manifest.dependencies)).toEqual(['zod']);
    expect(bytesIn(packed('platform-events')) + bytesIn(packed('zod'))).toBeLessThan(8_000_000);
  });

  it('holds code, maps, declarations, and the licences of what is bundled', () => {
    const names = filesIn(packed('platform-events')).map((file) => file.slice(packed('platform-events').length + 1));

    const kinds =
      /^((bin|dist)\/.*\.m?js(\.map)?|types\/.*\.d\.ts|README\.md|CHANGELOG\.md|(THIRD-PARTY-)?LICENSES?(\.txt)?|package\.json)$/;
    expect(names.filter((name) => !kinds.test(name.replaceAll('\\', '/')))).toEqual([]);
    const licences = readFileSync(packed('platform-events', 'THIRD-PARTY-LICENSES.txt'), 'utf8');
    expect(licences).toMatch(/^uuid /m);
  });

  it('names lines of the sources, and nothing of this machine', () => {
    const maps = filesIn(packed('platform-events', 'dist')).filter((name) => name.endsWith('.map'));
    const sources = maps.flatMap((name) => JSON.parse(readFileSync(name, 'utf8')).sources);

    expect(sources).toContainEqual(expect.stringMatching(/\/functions\/deployment\/requested\.ts$/));
    expect(sources.filter((name) => name.startsWith('/'))).toEqual([]);
  });
});

describe('a project without any SDK', () => {
  it('can make events, test with them and run a bus', () => {
    bare.write(
      'all.mjs',
      `import { HealthCheck, PlatformClient, newEvent } from 'platform-events';
       import { startPlatform } from 'platform-events/testing';
       import { startLocalBus } from 'platform-events/bus';
       import { get } from 'node:http';
       import { once } from 'node:events';
       const buses = await Promise.all([startLocalBus(), startLocalBus()]);
       const platform = await startPlatform();
       const made = newEvent(HealthCheck, { source: '/x', data: { service: 'web', good: 1, total: 1 } });
       const published = await platform.publish(HealthCheck, made.data);
       console.log(platform.events()[0].id === published.id, new Set(buses.map(({ url }) => url)).size);
       for (const wrong of [{ tier: 'gold' }, { config: {} }]) {
         await startLocalBus(wrong).catch((error) => console.log(error.message));
       }
       try { new PlatformClient('http://events.example.com', { key: 'k' }); } catch (error) { console.log(error.message); }
       const address = buses[0].url.replace('amqp:', 'http:') + '/$servicebus/websocket';
       const headers = { connection: 'upgrade', upgrade: 'websocket', 'sec-websocket-version': '13' };
       const key = { 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==', 'sec-websocket-protocol': 'AMQPWSB10' };
       const [upgraded, socket] = await once(get(address, { headers: { ...headers, ...key } }), 'upgrade');
       console.log(upgraded.statusCode);
       socket.destroy();
       await Promise.all(buses.map((bus) => bus.close()));`,
    );

    expect(bare.run('all.mjs')).toEqual({
      status: 0,
      output:
        "true 2\ntier: expected one of standard, premium, got 'gold'\nconfig: expected the text of a Config.json, got a value of type object\nurl: expected https, got 'http://events.example.com': the function key would be sent unencrypted; the option 'allowInsecureHttp' allows it\n101\n",
    });
  });

  it('needs no declarations but those of its dependency, not even those of Node', () => {
    bare.write(
      'any.ts',
      "export * from 'platform-events';\nexport * from 'platform-events/testing';\nexport * from 'platform-events/bus';\n",
    );
    bare.write('tsconfig.json', strictly('nodenext', { types: [], lib: ['es2022', 'dom'] }));

    expect(bare.run(tsc, ['-p', '.', '--noEmit'])).toEqual({ status: 0, output: '' });
  });
});

const MISUSE = `
import { type BusClient, DeploymentRequested, EventPublisher, HealthCheck, newEvent } from 'platform-events';
import { startPlatform } from 'platform-events/testing';

declare const client: BusClient;
const publisher = new EventPublisher(client);
// @ts-expect-error a count is a number
newEvent(HealthCheck, { source: '/x', data: { service: 'web', good: '1', total: 1 } });
// @ts-expect-error the namespace is missing
newEvent(DeploymentRequested, { source: '/x', data: { deployment: 'web', image: 'web:1' } });
// @ts-expect-error this is no event
publisher.publish({ type: 'HealthCheck' });
const platform = await startPlatform();
// @ts-expect-error the data is another event's
platform.publish(DeploymentRequested, { service: 'web', good: 1, total: 1 });
for (const event of platform.events()) {
  // @ts-expect-error not every event has an image
  event.data.image;
  if (event.type === 'DeploymentCompleted') event.data.image satisfies string;
}
`;

describe('a project with the SDK', () => {
  it('is checked by TypeScript without any error hidden, wrong use included', () => {
    project.write('misuse.ts', MISUSE);
    project.write('tsconfig.json', strictly('nodenext'));

    expect(project.run(tsc, ['-p', '.'])).toEqual({ status: 0, output: '' });
  }, 30_000);

  it('publishes, and listens on a subscription of its own, on the bus that the command starts', async () => {
    const command = join('node_modules', 'platform-events', 'bin', 'platform-events.mjs');
    const running: RunningScript[] = [];
    const start = (args: string[], env = {}): RunningScript => {
      const script = new RunningScript(args, { NODE_NO_WARNINGS: '1', ...env }, project.directory);
      running.push(script);
      return script;
    };
    try {
      const bus = start([command, 'bus', '--port', '0', '--admin-port', '0', '--json']);
      const { connectionString, adminUrl } = JSON.parse((await bus.line(/^\{.*\}$/))[0]);
      const admin = connectionString.replace(/sb:\/\/[^;]+/, `sb://localhost:${new URL(adminUrl).port}`);
      const env = { SERVICE_BUS: connectionString, SERVICE_BUS_ADMIN: admin };

      expect(project.run('out/subscribe.js', [], env)).toEqual({
        status: 0,
        output: 'subscribed to health-check as reports\n',
      });
      const listener = start(['out/listen.js'], env);
      await listener.line(/^listening$/);
      const published = project.run('out/publish.js', [], env);

      expect(published.output).toMatch(/^published [0-9a-f-]{36}\n$/);
      await listener.line(/^checkout: 998 of 1000$/);
    } finally {
      await Promise.all(running.map((script) => script.kill()));
    }
  }, 30_000);

  it('tries its configuration with the testing kit', () => {
    const args = ['run', '--reporter=verbose', '--exclude=out/**', '.test.ts'];
    const { status, output } = project.run('node_modules/vitest/vitest.mjs', args);

    expect(output).toContain('rolls a release back that burns the error budget');
    expect(status, output).toBe(0);
  }, 30_000);
});
