/** Routes of HTTP triggers: `events/{id}`, `{id?}`, `{*rest}`, constraints as in `{id:int}`. */

interface Segment {
  readonly literal?: string;
  readonly name?: string;
  readonly isOptional?: boolean;
  readonly isRest?: boolean;
  readonly constraint?: RegExp | undefined;
}

/** A route, and how to read the parameters of a path that it matches. */
export interface Route {
  /** Sorts more specific routes first. */
  readonly rank: string;
  /** The parameters; undefined when the path does not match. */
  match(path: string): Record<string, string> | undefined;
}

const CONSTRAINTS: Readonly<Record<string, RegExp>> = {
  int: /^[+-]?\d+$/,
  long: /^[+-]?\d+$/,
  bool: /^(true|false)$/i,
  alpha: /^[a-z]*$/i,
  guid: /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i,
};

/** Unknown constraints are ignored. */
export function parseRoute(template: string): Route {
  const segments = template.split('/').filter((part) => part !== '');
  const parsed = segments.map((part): Segment => {
    const parameter = /^\{(\*{0,2})([^:?}=]+)(?::([a-z]+)[^}]*?)?(\?)?\}$/i.exec(part);
    if (!parameter) return { literal: part.toLowerCase() };
    const [, stars, name = '', constraint = '', optional] = parameter;
    return {
      name,
      isRest: stars !== '',
      isOptional: optional !== undefined,
      constraint: CONSTRAINTS[constraint.toLowerCase()],
    };
  });
  const rank = parsed
    .map(({ literal, isRest, constraint }) => (literal ? 0 : isRest ? 3 : constraint ? 1 : 2))
    .join('');
  return { rank: rank.padEnd(32, '2'), match: (path) => matchSegments(parsed, path) };
}

function matchSegments(segments: readonly Segment[], path: string): Record<string, string> | undefined {
  // One slash at the end is none; an empty part between two matches nothing but a rest.
  const parts = path.replace(/^\//, '').replace(/\/$/, '').split('/');
  if (parts.length === 1 && parts[0] === '') parts.pop();
  const params: Record<string, string> = {};
  for (const [index, { literal, name = '', isRest, isOptional, constraint }] of segments.entries()) {
    if (isRest) {
      const rest = parts.slice(index).join('/');
      return rest === '' ? params : { ...params, [name]: rest };
    }
    const part = parts[index];
    if (part === undefined) return isOptional ? params : undefined;
    if (part === '') return undefined;
    if (literal !== undefined) {
      if (literal !== part.toLowerCase()) return undefined;
    } else if (constraint && !constraint.test(part)) return undefined;
    else params[name] = part;
  }
  return parts.length > segments.length ? undefined : params;
}
