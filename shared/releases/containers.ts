/** Which containers a release is about. Two releases of one target meet only where they share a container. */
import type { ContainerImage, Rollout, RunningContainer } from '../ports/cluster.ts';

/** What a request says of the images. */
interface AskedImages {
  readonly image: string;
  readonly container?: string | undefined;
  readonly containers?: readonly NamedImage[] | undefined;
}

/** A container's image, as the cluster shows it. */
export interface NamedImage {
  readonly name: string;
  readonly image: string;
}

/** The images that a request asks for; the only one has no name unless it was given. */
export function askedImages({ image, container, containers }: AskedImages): readonly ContainerImage[] {
  return containers ?? [{ name: container, image }];
}

/** The containers by name; undefined when that is not known yet: then it may be any. */
export function containerNames({
  data,
  container = data.container,
}: {
  readonly data: AskedImages;
  readonly container?: string | undefined;
}): readonly string[] | undefined {
  if (data.containers) return data.containers.map(({ name }) => name);
  return container === undefined ? undefined : [container];
}

type Names = readonly string[] | undefined;

/** Whether two releases share a container, as far as is known. */
export function shareContainer(a: Names, b: Names): boolean {
  return !a || !b || a.some((name) => b.includes(name));
}

/** The container of a rollout by its name; without one, the only container. */
export function containerIn({ containers }: Rollout, name: string | undefined): RunningContainer | undefined {
  if (name !== undefined) return containers.find((container) => container.name === name);
  const [only, ...others] = containers.filter(({ isInit }) => !isInit);
  return others.length === 0 ? only : undefined;
}

/** What runs in the containers that were asked for. */
export function runningImages(rollout: Rollout, asked: readonly ContainerImage[]): readonly NamedImage[] {
  return asked.flatMap(({ name: wanted }) => {
    const found = containerIn(rollout, wanted);
    return found ? [{ name: found.name, image: found.image }] : [];
  });
}

/** For people: the image, or several with the names of their containers. */
export function imagesText(images: readonly ContainerImage[]): string {
  const [only, ...others] = images;
  if (only && others.length === 0) return only.image;
  return images.map(({ name, image }) => `${name}=${image}`).join(', ');
}
