import { expect, it } from 'vitest';
import { EventTooLargeError } from '../../../shared/errors.ts';
import { catalog, type PlatformEvent } from '../../../shared/events/catalog.ts';
import { encodeEvent, newEvent } from '../../../shared/events/cloud-event.ts';
import { DeploymentRequested } from '../../../shared/events/deployment.ts';
import { keptData } from '../../../shared/events/kept-data.ts';
import { sampleData } from '../../support/events.ts';
import { startPlatform } from '../../support/platform.ts';

const padding = 'x'.repeat(10_000);

it.each([...catalog.keys()])('keeps all that %s declares', (type) => {
  const { definition } = catalog.get(type) ?? {};
  const data = Reflect.get(sampleData, type) as object;

  // The samples are of the type that they are found under.
  expect(keptData(definition as never, { ...data, padding } as never)).toEqual(data);
});

it('keeps what is not declared while it is small, and drops it at any depth when it is not', () => {
  const commit = { sha: 'a94a8fe', timestamp: '2026-03-01T11:00:00Z' };
  const known = { ...sampleData.DeploymentRequested, commit };
  const small = { ...known, commit: { ...commit, author: 'ada' }, ticket: 'X-1' };

  expect(keptData(DeploymentRequested, small)).toEqual(small);
  const large = { ...small, commit: { ...small.commit, padding } };
  expect(keptData(DeploymentRequested, large)).toEqual(known);
});

/** The largest size below a message's that is taken. */
function largest(encode: (size: number) => unknown): number {
  for (let size = 256 * 1024; ; size--) {
    try {
      encode(size);
      return size;
    } catch (error) {
      if (!(error instanceof EventTooLargeError)) throw error;
    }
  }
}

it('lets the largest requests come to their ends, one after the other', async () => {
  const { bus } = await startPlatform();
  const image = 'ghcr.io/shop/web:fail-1';
  const requestOf = (padding: number, id = 'large-0'): PlatformEvent => {
    const data = { namespace: 'shop', deployment: 'web', image, padding: 'x'.repeat(padding) };
    return newEvent(DeploymentRequested, { id, source: '/ci', time: new Date(bus.clock.now()).toISOString(), data });
  };
  const padding = largest((size) => encodeEvent(requestOf(size)));

  // More of them than one record could hold whole.
  for (let n = 0; n < 5; n++) {
    await bus.publish(requestOf(padding, `large-${n}`));
    await bus.advance('1h');
  }

  expect(bus.errors()).toEqual([]);
  expect(bus.events({ type: 'DeploymentFailed' })).toHaveLength(5);
});
