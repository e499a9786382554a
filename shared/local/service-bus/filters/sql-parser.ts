/**
 * Parses SQL filters and actions into a tree.
 *
 * @see https://learn.microsoft.com/azure/service-bus-messaging/service-bus-messaging-sql-filter
 * @see https://learn.microsoft.com/azure/service-bus-messaging/service-bus-messaging-sql-rule-action
 */
import type { PropertyValue } from '../core/message.ts';
import { SqlSyntaxError, type SqlToken, tokenize } from './sql-lexer.ts';
import { derivedPropertyOf, type SystemProperty, systemPropertyOf } from './system-properties.ts';

type Arithmetic = '+' | '-' | '*' | '/' | '%';
export type Comparison = '=' | '<>' | '<' | '<=' | '>' | '>=';

type PropertyNode =
  | { readonly kind: 'system'; readonly property: SystemProperty }
  | {
      readonly kind: 'derived';
      readonly name: string;
      readonly read: NonNullable<ReturnType<typeof derivedPropertyOf>>;
    }
  | { readonly kind: 'user'; readonly name: string };

/** An expression with a value. */
export type ValueNode =
  | PropertyNode
  | { readonly kind: 'constant'; readonly value: PropertyValue }
  | { readonly kind: 'newid' }
  | { readonly kind: 'propertyOf'; readonly name: ValueNode }
  | { readonly kind: 'negate'; readonly operand: ValueNode }
  | { readonly kind: 'arithmetic'; readonly operator: Arithmetic; readonly left: ValueNode; readonly right: ValueNode };

/** An expression that is true, false or unknown. */
export type PredicateNode =
  | { readonly kind: 'compare'; readonly operator: Comparison; readonly left: ValueNode; readonly right: ValueNode }
  | { readonly kind: 'in'; readonly operand: ValueNode; readonly list: readonly ValueNode[] }
  | { readonly kind: 'like'; readonly operand: ValueNode; readonly pattern: ValueNode; readonly escape?: ValueNode }
  | { readonly kind: 'isNull'; readonly property: PropertyNode }
  | { readonly kind: 'exists'; readonly property: PropertyNode }
  | { readonly kind: 'not'; readonly operand: PredicateNode }
  | { readonly kind: 'and'; readonly left: PredicateNode; readonly right: PredicateNode }
  | { readonly kind: 'or'; readonly left: PredicateNode; readonly right: PredicateNode };

export type StatementNode =
  | { readonly kind: 'set'; readonly property: PropertyNode; readonly value: ValueNode; readonly at: number }
  | { readonly kind: 'remove'; readonly property: PropertyNode; readonly at: number };

export type Parameters = Readonly<Record<string, PropertyValue>>;

/** @throws SqlSyntaxError that names the position */
export function parsePredicate(expression: string, parameters: Parameters = {}): PredicateNode {
  const parser = new Parser(expression, parameters);
  const predicate = parser.predicate();
  parser.end();
  return predicate;
}

/** @throws SqlSyntaxError that names the position */
export function parseStatements(expression: string, parameters: Parameters = {}): StatementNode[] {
  return new Parser(expression, parameters).statements();
}

/** A parenthesis may hold a predicate or a value; only parsing it shows which. */
type Either =
  | { readonly is: 'predicate'; readonly node: PredicateNode; readonly at: number }
  | { readonly is: 'value'; readonly node: ValueNode; readonly at: number };

/** https://learn.microsoft.com/azure/service-bus-messaging/service-bus-quotas */
const MAX_STATEMENTS = 32;

const KEYWORDS = new Set([
  'AND',
  'OR',
  'NOT',
  'IN',
  'LIKE',
  'ESCAPE',
  'IS',
  'NULL',
  'EXISTS',
  'TRUE',
  'FALSE',
  'SET',
  'REMOVE',
]);
const COMPARISONS = new Map<string, Comparison>([
  ['=', '='],
  ['<>', '<>'],
  ['!=', '<>'],
  ['<', '<'],
  ['<=', '<='],
  ['>', '>'],
  ['>=', '>='],
]);

class Parser {
  readonly #tokens: readonly SqlToken[];
  readonly #parameters: Parameters;
  #next = 0;

  constructor(expression: string, parameters: Parameters) {
    this.#tokens = tokenize(expression);
    this.#parameters = parameters;
  }

  predicate(): PredicateNode {
    return asPredicate(this.#or());
  }

  statements(): StatementNode[] {
    const statements: StatementNode[] = [];
    do {
      const { at } = this.#peek();
      if (statements.length === MAX_STATEMENTS) {
        throw new SqlSyntaxError(`an action has at most ${MAX_STATEMENTS} statements`, at);
      }
      if (this.#takeWord('SET')) {
        const property = this.#property();
        this.#expectSymbol('=');
        statements.push({ kind: 'set', at, property, value: asValue(this.#sum()) });
      } else if (this.#takeWord('REMOVE')) {
        statements.push({ kind: 'remove', at, property: this.#property() });
      } else {
        throw this.#unexpected('SET or REMOVE');
      }
      while (this.#takeSymbol(';') || this.#takeSymbol(','));
    } while (this.#peek().kind !== 'end');
    return statements;
  }

  end(): void {
    if (this.#peek().kind !== 'end') throw this.#unexpected('the end, AND or OR');
  }

  #or(): Either {
    let left = this.#and();
    while (this.#takeWord('OR')) {
      const node: PredicateNode = { kind: 'or', left: asPredicate(left), right: asPredicate(this.#and()) };
      left = { is: 'predicate', node, at: left.at };
    }
    return left;
  }

  #and(): Either {
    let left = this.#not();
    while (this.#takeWord('AND')) {
      const node: PredicateNode = { kind: 'and', left: asPredicate(left), right: asPredicate(this.#not()) };
      left = { is: 'predicate', node, at: left.at };
    }
    return left;
  }

  #not(): Either {
    const { at } = this.#peek();
    if (!this.#takeWord('NOT')) return this.#comparison();
    return { is: 'predicate', node: { kind: 'not', operand: asPredicate(this.#not()) }, at };
  }

  #comparison(): Either {
    const { at } = this.#peek();
    if (this.#takeWord('EXISTS')) {
      this.#expectSymbol('(');
      const property = this.#property();
      this.#expectSymbol(')');
      return { is: 'predicate', node: { kind: 'exists', property }, at };
    }
    const left = this.#sum();
    const token = this.#peek();
    const operator = token.kind === 'symbol' ? COMPARISONS.get(token.symbol) : undefined;
    if (operator) {
      this.#next++;
      const node: PredicateNode = { kind: 'compare', operator, left: asValue(left), right: asValue(this.#sum()) };
      return { is: 'predicate', node, at };
    }
    if (this.#takeWord('IS')) return this.#isNull(left);
    const isNegated = this.#takeWord('NOT');
    const node = this.#takeWord('IN') ? this.#in(left) : this.#takeWord('LIKE') ? this.#like(left) : undefined;
    if (!node) {
      if (isNegated) throw this.#unexpected('IN or LIKE');
      return left;
    }
    return { is: 'predicate', node: isNegated ? { kind: 'not', operand: node } : node, at };
  }

  #isNull(left: Either): Either {
    const isNegated = this.#takeWord('NOT');
    if (!this.#takeWord('NULL')) throw this.#unexpected(isNegated ? 'NULL' : 'NULL or NOT NULL');
    const property = asValue(left);
    if (property.kind !== 'system' && property.kind !== 'derived' && property.kind !== 'user') {
      throw new SqlSyntaxError('IS NULL asks about a property, not an expression,', left.at);
    }
    const node: PredicateNode = { kind: 'isNull', property };
    return { is: 'predicate', node: isNegated ? { kind: 'not', operand: node } : node, at: left.at };
  }

  #in(left: Either): PredicateNode {
    const operand = asValue(left);
    this.#expectSymbol('(');
    const list = [asValue(this.#sum())];
    while (this.#takeSymbol(',')) list.push(asValue(this.#sum()));
    this.#expectSymbol(')');
    return { kind: 'in', operand, list };
  }

  #like(left: Either): PredicateNode {
    const operand = asValue(left);
    const pattern = asValue(this.#sum());
    if (!this.#takeWord('ESCAPE')) return { kind: 'like', operand, pattern };
    const { at } = this.#peek();
    const mark = asValue(this.#sum());
    if (mark.kind === 'constant' && !(typeof mark.value === 'string' && mark.value.length === 1)) {
      throw new SqlSyntaxError('the escape character must be a string of length 1', at);
    }
    return { kind: 'like', operand, pattern, escape: mark };
  }

  #sum(): Either {
    let left = this.#product();
    for (;;) {
      const operator = this.#takeSymbol('+') ? '+' : this.#takeSymbol('-') ? '-' : undefined;
      if (!operator) return left;
      left = this.#arithmetic(operator, left, this.#product());
    }
  }

  #product(): Either {
    let left = this.#unary();
    for (;;) {
      const operator = (['*', '/', '%'] as const).find((symbol) => this.#takeSymbol(symbol));
      if (!operator) return left;
      left = this.#arithmetic(operator, left, this.#unary());
    }
  }

  #arithmetic(operator: Arithmetic, left: Either, right: Either): Either {
    const node: ValueNode = { kind: 'arithmetic', operator, left: asValue(left), right: asValue(right) };
    return { is: 'value', node, at: left.at };
  }

  #unary(): Either {
    const { at } = this.#peek();
    if (this.#takeSymbol('+')) return { is: 'value', node: asValue(this.#unary()), at };
    if (!this.#takeSymbol('-')) return this.#primary();
    return { is: 'value', node: { kind: 'negate', operand: asValue(this.#unary()) }, at };
  }

  #primary(): Either {
    const token = this.#peek();
    const { at } = token;
    if (this.#takeSymbol('(')) {
      const inner = this.#or();
      this.#expectSymbol(')');
      return { ...inner, at };
    }
    if (token.kind === 'constant') {
      this.#next++;
      return { is: 'value', node: { kind: 'constant', value: token.value }, at };
    }
    if (token.kind === 'parameter') return { is: 'value', node: this.#parameter(token.name, at), at };
    if (this.#takeWord('NULL')) return { is: 'value', node: { kind: 'constant', value: null }, at };
    if (this.#takeWord('TRUE')) return { is: 'value', node: { kind: 'constant', value: true }, at };
    if (this.#takeWord('FALSE')) return { is: 'value', node: { kind: 'constant', value: false }, at };
    const call = this.#call(token);
    return { is: 'value', node: call ?? this.#property(), at };
  }

  #parameter(name: string, at: number): ValueNode {
    this.#next++;
    const key = Object.keys(this.#parameters).find((given) => given.toLowerCase() === name.toLowerCase());
    const value = key === undefined ? undefined : this.#parameters[key];
    if (value === undefined) throw new SqlSyntaxError(`the parameter ${name} has no value`, at);
    return { kind: 'constant', value };
  }

  #call(token: SqlToken): ValueNode | undefined {
    const after = this.#tokens[this.#next + 1];
    if (token.kind !== 'word' || after?.kind !== 'symbol' || after.symbol !== '(') return undefined;
    const name = token.word.toLowerCase();
    if (name !== 'newid' && name !== 'property' && name !== 'p') {
      throw new SqlSyntaxError(`unknown function '${token.word}', expected newid, property or p,`, token.at);
    }
    this.#next += 2;
    const argument = name === 'newid' ? undefined : asValue(this.#sum());
    this.#expectSymbol(')');
    return argument ? { kind: 'propertyOf', name: argument } : { kind: 'newid' };
  }

  #property(): PropertyNode {
    const first = this.#peek();
    const name = this.#name();
    const scope = name.toLowerCase();
    if (first.kind === 'word' && (scope === 'sys' || scope === 'user') && this.#takeSymbol('.')) {
      const { at } = this.#peek();
      const inner = this.#name();
      if (scope === 'user') return { kind: 'user', name: inner };
      const property = systemPropertyOf(inner);
      if (property) return { kind: 'system', property };
      const read = derivedPropertyOf(inner);
      if (!read) throw new SqlSyntaxError(`unknown system property '${inner}'`, at);
      return { kind: 'derived', name: inner, read };
    }
    return { kind: 'user', name };
  }

  #name(): string {
    const token = this.#peek();
    const isName = token.kind === 'name' || (token.kind === 'word' && !KEYWORDS.has(token.word.toUpperCase()));
    if (!isName) throw this.#unexpected('a property or a value');
    this.#next++;
    return token.kind === 'name' ? token.name : token.word;
  }

  #peek(): SqlToken {
    const token = this.#tokens[this.#next];
    if (!token) throw new Error('the parser went past the end');
    return token;
  }

  #takeWord(keyword: string): boolean {
    const token = this.#peek();
    const isIt = token.kind === 'word' && token.word.toUpperCase() === keyword;
    if (isIt) this.#next++;
    return isIt;
  }

  #takeSymbol(symbol: string): boolean {
    const token = this.#peek();
    const isIt = token.kind === 'symbol' && token.symbol === symbol;
    if (isIt) this.#next++;
    return isIt;
  }

  #expectSymbol(symbol: string): void {
    if (!this.#takeSymbol(symbol)) throw this.#unexpected(`'${symbol}'`);
  }

  #unexpected(expected: string): SqlSyntaxError {
    const { kind, text, at } = this.#peek();
    return new SqlSyntaxError(`expected ${expected}, got ${kind === 'end' ? 'the end' : `'${text}'`}`, at);
  }
}

function asPredicate(either: Either): PredicateNode {
  if (either.is === 'predicate') return either.node;
  throw new SqlSyntaxError('expected a condition, got a value', either.at);
}

function asValue(either: Either): ValueNode {
  if (either.is === 'value') return either.node;
  throw new SqlSyntaxError('expected a value, got a condition', either.at);
}
