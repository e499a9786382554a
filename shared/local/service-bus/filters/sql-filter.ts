/**
 * SQL filters as functions: compiled once, when the rule is made.
 *
 * @see https://learn.microsoft.com/azure/service-bus-messaging/service-bus-messaging-sql-filter
 */
import { randomUUID } from 'node:crypto';
import { FilterError } from '../core/broker-error.ts';
import type { Content } from '../core/message.ts';
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
export function compileSqlFilter(expression: string, parameters?: Parameters): (content: Content) => boolean {
  const predicate = compilePredicate(parsePredicate(expression, parameters));
  return (content) => predicate(content) === true;
}

function compilePredicate(node: PredicateNode): (content: Content) => Truth {
  switch (node.kind) {
    case 'compare':
      return compileComparison(node.operator, node.left, node.right);
    case 'in':
      return compileIn(node.operand, node.list);
    case 'like':
      return compileLike(node.operand, node.pattern, node.escape);
    case 'isNull':
    case 'exists': {
      const value = compileValue(node.property);
      const isNull = node.kind === 'isNull';
      // An application property that is null exists; a system property that is null does not.
      if (node.property.kind === 'user' && !isNull) {
        const { name } = node.property;
        return (content) => findProperty(content.applicationProperties, name) !== undefined;
      }
      return (content) => (value(content) === undefined) === isNull;
    }
    case 'not': {
      const operand = compilePredicate(node.operand);
      return (content) => {
        const truth = operand(content);
        return truth === undefined ? undefined : !truth;
      };
    }
    case 'and': {
      const [left, right] = [compilePredicate(node.left), compilePredicate(node.right)];
      return (content) => {
        const first = left(content);
        if (first === false) return false;
        const second = right(content);
        return second === false ? false : first && second;
      };
    }
    case 'or': {
      const [left, right] = [compilePredicate(node.left), compilePredicate(node.right)];
      return (content) => {
        const first = left(content);
        if (first === true) return true;
        const second = right(content);
        return second === true ? true : first === undefined || second === undefined ? undefined : false;
      };
    }
  }
}

function compileComparison(operator: Comparison, left: ValueNode, right: ValueNode): (content: Content) => Truth {
  if (operator === '=' && left.kind === 'system' && right.kind === 'constant' && typeof right.value === 'string') {
    // By far the most frequent comparison.
    const [{ property }, expected] = [left, right.value];
    return (content) => {
      const value = content[property];
      return value === undefined ? undefined : value === expected;
    };
  }
  const [a, b] = [compileValue(left), compileValue(right)];
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

function compileIn(operandNode: ValueNode, list: readonly ValueNode[]): (content: Content) => Truth {
  const operand = compileValue(operandNode);
  const values = list.map(compileValue);
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
  operandNode: ValueNode,
  patternNode: ValueNode,
  escapeNode?: ValueNode,
): (content: Content) => Truth {
  const operand = compileValue(operandNode);
  if (patternNode.kind === 'constant' && (escapeNode === undefined || escapeNode.kind === 'constant')) {
    const [pattern, mark] = [patternNode.value, escapeNode?.value];
    if (typeof pattern !== 'string') return () => undefined;
    const parts = readPattern(pattern, typeof mark === 'string' ? mark : undefined);
    return (content) => {
      const text = operand(content);
      return typeof text === 'string' ? isLike(text, parts) : undefined;
    };
  }
  const pattern = compileValue(patternNode);
  const markOf = escapeNode && compileValue(escapeNode);
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
export function compileValue(node: ValueNode): (content: Content) => Value {
  switch (node.kind) {
    case 'constant': {
      const value = node.value ?? undefined;
      return () => value;
    }
    case 'system': {
      const { property } = node;
      return (content) => content[property];
    }
    case 'user': {
      const { name } = node;
      return (content) => findProperty(content.applicationProperties, name) ?? undefined;
    }
    case 'newid':
      return () => randomUUID();
    case 'propertyOf': {
      const name = compileValue(node.name);
      return (content) => {
        const key = name(content);
        if (key === undefined) return undefined;
        if (typeof key !== 'string') throw new FilterError('property() takes the name of a property as a string');
        return findProperty(content.applicationProperties, key) ?? undefined;
      };
    }
    case 'negate': {
      const operand = compileValue(node.operand);
      return (content) => negate(operand(content));
    }
    case 'arithmetic': {
      const [left, right, { operator }] = [compileValue(node.left), compileValue(node.right), node];
      return (content) => calculate(operator, left(content), right(content));
    }
  }
}
