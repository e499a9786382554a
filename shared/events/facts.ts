/** Facts: what the app alone knows, and nobody else may say. */
import { InvalidEventError } from '../errors.ts';
import { catalog } from './catalog.ts';

/** @throws InvalidEventError for an event that this app alone publishes */
export function refuseFact({ id, type }: { readonly id: string; readonly type: string }): void {
  if (catalog.get(type)?.definition.sender !== 'app') return;
  const published = [...catalog.values()].flatMap(({ definition }) =>
    definition.sender === 'app' ? [] : definition.type,
  );
  const expected = `one of ${published.join(', ')}: a ${type} is a fact, which this app alone publishes`;
  throw new InvalidEventError({ id, type }, [{ path: 'type', value: type, expected }]);
}
