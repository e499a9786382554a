/** Long numbers over HTTP: as one event, in an array, in binary mode. */
import { expect, it } from 'vitest';
import { handle } from '../../../functions/http/publish.ts';
import { MemoryStateStore } from '../../../shared/adapters/memory-store.ts';
import { parseConfig } from '../../../shared/config.ts';
import { eventMessage } from '../../../shared/delivery/bus-message.ts';
import type { PlatformEvent } from '../../../shared/events/catalog.ts';
import type { Ports } from '../../../shared/ports/handler.ts';
import { respond } from '../../support/api-contract.ts';
import { httpRequest } from '../../support/http.ts';
import { FixedClock, RecordingLog } from '../../support/ports.ts';

const data = '{"namespace":"shop","deployment":"web","image":"ghcr.io/shop/web:1.2.3","build":4603086877212508601}';
const event = (id: string): string => `{"id":"${id}","source":"/ci","type":"DeploymentRequested","data":${data}}`;

async function post(body: string, headers: Record<string, string> = {}): Promise<string[]> {
  const sent: string[] = [];
  const publisher = {
    publishAll: async (events: readonly PlatformEvent[]) => {
      sent.push(...events.map((one) => eventMessage(one).body.toString()));
    },
  };
  // The function asks for nothing but these.
  const known = { state: new MemoryStateStore(), config: parseConfig({}) };
  const given = { publisher, clock: new FixedClock(), log: new RecordingLog(), ...known };
  const ports = given as unknown as Ports;
  const { status } = await respond('publish', handle, httpRequest({ method: 'POST', body, headers }), ports);
  expect(status).toBe(202);
  return sent;
}

const binary = { 'ce-specversion': '1.0', 'ce-id': 'a', 'ce-source': '/ci', 'ce-type': 'DeploymentRequested' };

it.each([
  ['one event', event('a'), {}, 1],
  ['an array', `[${event('a')},${event('b').replace('8601', '8602')}]`, {}, 2],
  ['binary mode', data, binary, 1],
])('publishes the digits that came: %s', async (_, body, headers, count) => {
  const sent = await post(body, headers);

  expect(sent).toHaveLength(count);
  sent.forEach((text, n) => {
    expect(text).toContain(`"build":460308687721250860${n + 1}`);
  });
});
