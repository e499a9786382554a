/**
 * SQL filters as functions: compiled once, when the rule is made.
 *
 * @see https://learn.microsoft.com/azure/service-bus-messaging/service-bus-messaging-sql-filter
 */
import { randomUUID } from 'node:crypto';
import { FilterError } from '../core/broker-error.ts';
import type { Arrival, Content } from '../core/message.ts';
import { findProperty } from './correlation-filter.ts';
import { type Comparison, type Parameters, type PredicateNode, parsePredicate, type ValueNode } from './sql-parser.ts';
import { calculate, isEqual, isLike, negate, order, readPattern, type Value } from './sql-value.ts';

/** Undefined means unknown. */
type Truth = boolean | undefined;

/**
 * @returns a function that says whether a message matches; an unknown result does not. It throws FilterError for values
 *   that an operator does not take
 * @throws SqlSyntaxError that names the position
 */
export function compileSqlFilter(
  expression: string,
  parameters?: Parameters,
): (content: Content, arrival?: Arrival) => boolean {
  const now: Now = { arrival: undefined };
  const predicate = compilePredicate(parsePredicate(expression, parameters), now);
  return (content, arrival) => {
    now.arrival = arrival;
    return predicate(content) === true;
  };
}

/**
 * What the expression is being applied to, beside the message. It is set before each use, so that the many expressions
 * that do not need it cost nothing.
 */
export interface Now {
  arrival: Arrival | undefined;
}

function compilePredicate(node: PredicateNode, now: Now): (content: Content) => Truth {
  switch (node.kind) {
    case 'compare':
      return compileComparison(node.operator, node.left, node.right, now);
    case 'in':
      return compileIn(node.operand, node.list, now);
    case 'like':
      return compileLike(node, now);
    case 'isNull':
    case 'exists': {
      const value = compileValue(node.property, now);
      const isNull = node.kind === 'isNull';
      // An application property that is null exists; a system property that is null does not.
      if (node.property.kind === 'user' && !isNull) {
        const { name } = node.property;
        return (content) => findProperty(content.applicationProperties, name) !== undefined;
      }
      return (content) => (value(content) === undefined) === isNull;
    }
    case 'not': {
      const operand = compilePredicate(node.operand, now);
      return (content) => {
        const truth = operand(content);
        return truth === undefined ? undefined : !truth;
      };
    }
    case 'and': {
      const [left, right] = [compilePredicate(node.left, now), compilePredicate(node.right, now)];
      return (content) => {
        const first = left(content);
        if (first === false) return false;
        const second = right(content);
        return second === false ? false : first && second;
      };
    }
    case 'or': {
      const [left, right] = [compilePredicate(node.left, now), compilePredicate(node.right, now)];
      return (content) => {
        const first = left(content);
        if (first === true) return true;
        const second = right(content);
        return second === true ? true : first === undefined || second === undefined ? undefined : false;
      };
    }
  }
}

function compileComparison(
  operator: Comparison,
  left: ValueNode,
  right: ValueNode,
  now: Now,
): (content: Content) => Truth {
  if (operator === '=' && left.kind === 'system' && right.kind === 'constant' && typeof right.value === 'string') {
    // By far the most frequent comparison.
    const [{ property }, expected] = [left, right.value];
    return (content) => {
      const value = content[property];
      return value === undefined ? undefined : value === expected;
    };
  }
  const [a, b] = [compileValue(left, now), compileValue(right, now)];
  if (operator === '=') return (content) => isEqual(a(content), b(content));
  if (operator === '<>') {
    return (content) => {
      const equal = isEqual(a(content), b(content));
      return equal === undefined ? undefined : !equal;
    };
  }
  const accepts = {
    '<': (n: number) => n < 0,
    '<=': (n: number) => n <= 0,
    '>': (n: number) => n > 0,
    '>=': (n: number) => n >= 0,
  };
  const accept = accepts[operator];
  return (content) => {
    const result = order(a(content), b(content));
    return result === undefined ? undefined : accept(result);
  };
}

function compileIn(operandNode: ValueNode, list: readonly ValueNode[], now: Now): (content: Content) => Truth {
  const operand = compileValue(operandNode, now);
  const values = list.map((one) => compileValue(one, now));
  return (content) => {
    const value = operand(content);
    if (value === undefined) return undefined;
    let truth: Truth = false;
    for (const candidate of values) {
      const other = candidate(content);
      const equal = isEqual(value, other);
      if (equal) return true;
      // A candidate without a value makes the result unknown; one of another type is not equal.
      if (other === undefined) truth = undefined;
    }
    return truth;
  };
}

function compileLike(
  { operand: operandNode, pattern: patternNode, escape: escapeNode }: PredicateNode & { kind: 'like' },
  now: Now,
): (content: Content) => Truth {
  const operand = compileValue(operandNode, now);
  if (patternNode.kind === 'constant' && (escapeNode === undefined || escapeNode.kind === 'constant')) {
    const [pattern, mark] = [patternNode.value, escapeNode?.value];
    if (typeof pattern !== 'string') return () => undefined;
    const parts = readPattern(pattern, typeof mark === 'string' ? mark : undefined);
    return (content) => {
      const text = operand(content);
      return typeof text === 'string' ? isLike(text, parts) : undefined;
    };
  }
  const pattern = compileValue(patternNode, now);
  const markOf = escapeNode && compileValue(escapeNode, now);
  return (content) => {
    const [text, wanted, mark] = [operand(content), pattern(content), markOf?.(content)];
    if (typeof text !== 'string' || typeof wanted !== 'string' || (markOf && mark === undefined)) return undefined;
    if (mark !== undefined && !(typeof mark === 'string' && mark.length === 1)) {
      throw new FilterError('the escape character must be a string of length 1');
    }
    return isLike(text, readPattern(wanted, mark));
  };
}

/** The function that it returns may throw FilterError. */
export function compileValue(node: ValueNode, now: Now): (content: Content) => Value {
  switch (node.kind) {
    case 'constant': {
      const value = node.value ?? undefined;
      return () => value;
    }
    case 'system': {
      const { property } = node;
      return (content) => content[property];
    }
    case 'derived': {
      const { read } = node;
      return (content) => now.arrival && read(content, now.arrival);
    }
    case 'user': {
      const { name } = node;
      return (content) => findProperty(content.applicationProperties, name) ?? undefined;
    }
    case 'newid':
      return () => randomUUID();
    case 'propertyOf': {
      const name = compileValue(node.name, now);
      return (content) => {
        const key = name(content);
        if (key === undefined) return undefined;
        if (typeof key !== 'string') throw new FilterError('property() takes the name of a property as a string');
        return findProperty(content.applicationProperties, key) ?? undefined;
      };
    }
    case 'negate': {
      const operand = compileValue(node.operand, now);
      return (content) => negate(operand(content));
    }
    case 'arithmetic': {
      const [left, right, { operator }] = [compileValue(node.left, now), compileValue(node.right, now), node];
      return (content) => calculate(operator, left(content), right(content));
    }
  }
}
