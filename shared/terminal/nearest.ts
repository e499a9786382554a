/** The name that somebody may have meant who mistyped one. */

/** The part of a word that may be wrong. */
const MAX_WRONG = 1 / 3;
/** A shorter beginning says too little. */
const MIN_BEGINNING = 3;

/** @returns undefined when none is near, or several are equally near */
export function nearest(word: string, names: Iterable<string>): string | undefined {
  const typed = word.toLowerCase();
  const all = [...names].map((name) => ({ name, distance: distanceOf(typed, name.toLowerCase()) }));
  const least = Math.min(...all.map(({ distance }) => distance));
  const near = all.filter(({ distance }) => distance === least);
  if (least <= Math.max(1, Math.floor(word.length * MAX_WRONG))) return only(near);
  return word.length < MIN_BEGINNING ? undefined : only(all.filter(({ name }) => name.startsWith(word)));
}

/** What to add to `unknown …`: the nearest name, or where the names are. */
export function didYouMean(word: string, names: Iterable<string>, otherwise: string): string {
  const name = nearest(word, names);
  return name === undefined ? otherwise : `did you mean '${name}'?`;
}

function only([first, second]: readonly { readonly name: string }[]): string | undefined {
  return second === undefined ? first?.name : undefined;
}

/** How many letters must be inserted, removed, replaced, or swapped with the next one. */
function distanceOf(a: string, b: string): number {
  let [beforeLast, last]: [number[], number[]] = [[], Array.from({ length: b.length + 1 }, (_, index) => index)];
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const isSame = a[row - 1] === b[column - 1];
      const isSwapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      current.push(
        Math.min(
          (last[column] ?? 0) + 1,
          (current[column - 1] ?? 0) + 1,
          (last[column - 1] ?? 0) + (isSame ? 0 : 1),
          isSwapped ? (beforeLast[column - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
        ),
      );
    }
    [beforeLast, last] = [last, current];
  }
  return last[b.length] ?? 0;
}
