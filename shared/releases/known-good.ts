/** Whether a request only brings back what is known to be good: a freeze refuses what adds risk, and that adds none. */
import { isImage } from '../image.ts';
import type { ReleaseData, TargetRecord } from './release-record.ts';

/** An image counts from its completion until it is failed for what it did: see `TargetRecord.knownGoodImages`. */
export function bringsBackKnownGood({ knownGoodImages }: TargetRecord, { image }: ReleaseData): boolean {
  return knownGoodImages.some((good) => isImage(good, image));
}
