/** The record of a target: what a change of it answers. */
import { expect, it } from 'vitest';
import { MemoryStateStore } from '../../../shared/adapters/memory-store.ts';
import { changeTarget, readTarget } from '../../../shared/releases/target-store.ts';

it('a change that changes nothing answers what there is, and makes no record', async () => {
  const state = new MemoryStateStore();

  const answered = await changeTarget(state, 'default/shop/web', (record) => record);

  expect(answered).toMatchObject({ releases: [], ended: [] });
  expect(await readTarget(state, 'default/shop/web')).toBeUndefined();
});
