/** Names with wildcards, as the configuration has them: `*` stands for any run of characters, as in `shop-*`. */

/** Whether a name fits a pattern. */
export function matches(pattern: string, name: string): boolean {
  if (!pattern.includes('*')) return pattern === name;
  // Each service has it twice, and all of them are asked for every deployment.
  if (pattern === '*') return true;
  const parts = pattern.split('*').map((part) => part.replace(/[\\^$.|?+()[\]{}]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`).test(name);
}

/** Whether a path fits a pattern part by part: no `*` reaches across a `/`. */
export function matchesPath(pattern: string, path: string): boolean {
  const names = path.split('/');
  const parts = pattern.split('/');
  return parts.length === names.length && parts.every((part, index) => matches(part, names[index] ?? ''));
}

/** Whether some name fits both patterns. */
export function overlap(a: string, b: string): boolean {
  // Every service is compared with every other, and most patterns are names.
  if (a === '*' || b === '*') return true;
  if (!a.includes('*') && !b.includes('*')) return a === b;
  // Whether the rest of `a` and the rest of `b` overlap, for each pair of rests, the shortest first.
  let below: boolean[] = [];
  for (let i = a.length; i >= 0; i--) {
    const row: boolean[] = [];
    for (let j = b.length; j >= 0; j--) {
      if (i === a.length && j === b.length) row[j] = true;
      else if (a[i] === '*') row[j] = below[j] === true || (j < b.length && row[j + 1] === true);
      else if (b[j] === '*') row[j] = row[j + 1] === true || (i < a.length && below[j] === true);
      else row[j] = i < a.length && a[i] === b[j] && below[j + 1] === true;
    }
    below = row;
  }
  return below[0] === true;
}

/** Whether some path fits both patterns. */
export function pathsOverlap(a: string, b: string): boolean {
  const others = b.split('/');
  const parts = a.split('/');
  return parts.length === others.length && parts.every((part, index) => overlap(part, others[index] ?? ''));
}
