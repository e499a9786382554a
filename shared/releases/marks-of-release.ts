/** Whose a container's image is, by the marks that the cluster shows and by the image itself. Pure. */
import { isImage } from '../image.ts';
import type { RunningContainer } from '../ports/cluster.ts';
import { askedImages, containerNames } from './containers.ts';
import { type ReleaseRecord, requestReference } from './release-record.ts';

/** Whether a container runs an image of a release: the one that it set, or one that it asked for. */
export function isBy(release: ReleaseRecord, { name, image, requestId, isAsChanged }: RunningContainer): boolean {
  if (isAsChanged && requestId === requestReference(release)) return true;
  const names = containerNames(release);
  return askedImages(release.data).some(
    (asked) => isImage(image, asked.image) && (names === undefined || name === (asked.name ?? names[0])),
  );
}
