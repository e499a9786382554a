/** The contract of SQL filters: which messages an expression takes. */
import { type Origin, type Section, section } from '../../broker-case.ts';
import type { TestMessage } from '../../broker-driver.ts';
import { AMQP_REQUESTS, FILTERS, SQL_FILTER } from '../sources.ts';
import { bodiesOf, routed, sql } from '../support.ts';

type Properties = NonNullable<TestMessage['applicationProperties']>;
/** A message by its application properties, or with system properties. */
type Sketch = Properties | { readonly with: Omit<TestMessage, 'body'> };

const messageOf = (body: string, sketch: Sketch): TestMessage =>
  'with' in sketch && typeof sketch.with === 'object'
    ? { body, ...(sketch.with as Omit<TestMessage, 'body'>) }
    : { body, applicationProperties: sketch as Properties };

export const sqlFilters: Section = section('SQL filters', ({ test }) => {
  /** One behaviour: an expression, messages that it takes, and messages that it does not. */
  const takes = (
    title: string,
    expression: string,
    { yes = [], no = [] }: { readonly yes?: readonly Sketch[]; readonly no?: readonly Sketch[] },
    origin: Origin = SQL_FILTER,
  ): void =>
    test(title, origin, async (bench, expect) => {
      const messages = [
        ...yes.map((sketch, index) => messageOf(`yes ${index}`, sketch)),
        ...no.map((sketch, index) => messageOf(`no ${index}`, sketch)),
      ];

      const received = bodiesOf(await routed(bench, [sql('r', expression)], messages));

      expect(received.sort()).toEqual(yes.map((_, index) => `yes ${index}`));
    });

  takes('compares a text for equality, by case', "color = 'red'", { yes: [{ color: 'red' }], no: [{ color: 'Red' }] });
  takes('takes either sign for unequal', "color <> 'red' AND color != 'blue'", {
    yes: [{ color: 'green' }],
    no: [{ color: 'red' }, { color: 'blue' }],
  });
  takes('orders numbers', 'size > 10 AND size <= 20', {
    yes: [{ size: 11 }, { size: 20 }],
    no: [{ size: 10 }, { size: 21 }],
  });
  takes('orders texts', "color >= 'c' AND color < 'd'", {
    yes: [{ color: 'cyan' }],
    no: [{ color: 'blue' }, { color: 'd' }],
  });
  takes('compares booleans', 'ready = TRUE', { yes: [{ ready: true }], no: [{ ready: false }] });
  takes('compares whole and other numbers by value', 'size = 2.0', { yes: [{ size: 2 }], no: [{ size: 2.5 }] });
  takes('takes numbers with an exponent', 'size = 25E-1', { yes: [{ size: 2.5 }], no: [{ size: 25 }] });
  takes('never finds values of unlike types equal', "size = '7'", { no: [{ size: 7 }] });
  takes('never finds values of unlike types unequal', "NOT (size = '7')", { no: [{ size: 7 }] });
  takes('finds a property whatever the case of its name', 'Size = 7', { yes: [{ size: 7 }, { SIZE: 7 }] });
  takes('takes a constant on the left', '7 = size', { yes: [{ size: 7 }], no: [{ size: 8 }] });
  takes('compares two properties', 'a = b', { yes: [{ a: 1, b: 1 }], no: [{ a: 1, b: 2 }, { a: 1 }] });

  takes('reads a system property in the scope sys', "sys.Label = 'wanted'", {
    yes: [{ with: { subject: 'wanted' } }],
    no: [{ Label: 'wanted' }],
  });
  takes('reads an application property in the scope user', "user.Label = 'wanted'", {
    yes: [{ Label: 'wanted' }],
    no: [{ with: { subject: 'wanted' } }],
  });
  takes('means the scope user where none is given', "Label = 'wanted'", {
    yes: [{ Label: 'wanted' }],
    no: [{ with: { subject: 'wanted' } }],
  });
  takes('reads message id and correlation id', "sys.MessageId = 'm' AND sys.CorrelationId = 'c'", {
    yes: [{ with: { messageId: 'm', correlationId: 'c' } }],
    no: [{ with: { messageId: 'm', correlationId: 'other' } }],
  });
  takes('reads the session id', "sys.SessionId = 'a'", {
    yes: [{ with: { sessionId: 'a' } }],
    no: [{ with: { sessionId: 'b' } }],
  });
  takes('reads where a message goes and where answers go', "sys.To = 't' AND sys.ReplyTo = 'r'", {
    yes: [{ with: { to: 't', replyTo: 'r' } }],
    no: [{ with: { to: 't' } }],
  });
  takes('reads the content type', "sys.ContentType LIKE '%json'", {
    yes: [{ with: { contentType: 'application/json' } }],
    no: [{ with: { contentType: 'text/plain' } }],
  });
  takes('takes names in brackets', "[odd name] = 'x'", { yes: [{ 'odd name': 'x' }], no: [{ odd: 'x' }] });
  takes('takes names in double quotes', '"odd name" = 1', { yes: [{ 'odd name': 1 }], no: [{ odd: 1 }] });
  takes('takes a doubled bracket for one', '[a]]b] = 1', { yes: [{ 'a]b': 1 }], no: [{ 'a]]b': 1 }] });
  takes('takes a doubled quote in a text for one', "a = 'it''s'", { yes: [{ a: "it's" }], no: [{ a: "it''s" }] });
  takes('takes names and texts in any language', "цвет = 'красный'", {
    yes: [{ цвет: 'красный' }],
    no: [{ цвет: 'синий' }],
  });
  takes('takes keywords in any case', "color In ('red') aNd nOt size Is nUlL", {
    yes: [{ color: 'red', size: 1 }],
    no: [{ color: 'red' }],
  });

  takes('adds and multiplies, multiplication first', 'a + b * 2 = 7', { yes: [{ a: 1, b: 3 }], no: [{ a: 2, b: 3 }] });
  takes('subtracts from left to right', 'a - 3 - 2 = 5', { yes: [{ a: 10 }], no: [{ a: 4 }] });
  takes('divides whole numbers without a rest', 'a / 2 = 3', { yes: [{ a: 7 }, { a: 6 }], no: [{ a: 8 }] });
  takes('takes the rest of a division', 'a % 4 = 3', { yes: [{ a: 7 }], no: [{ a: 8 }] });
  takes('calculates in parentheses first', '(a + 2) * 3 = 9', { yes: [{ a: 1 }], no: [{ a: 3 }] });
  takes('negates', '-a = 7', { yes: [{ a: -7 }], no: [{ a: 7 }] });
  takes('joins texts', "a + 'b' = 'ab'", { yes: [{ a: 'a' }], no: [{ a: 'b' }] });

  takes('binds AND closer than OR', 'a = 1 OR b = 1 AND c = 1', {
    yes: [
      { a: 1, b: 0, c: 0 },
      { a: 0, b: 1, c: 1 },
    ],
    no: [{ a: 0, b: 1, c: 0 }],
  });
  takes('binds NOT closer than AND', 'NOT a = 1 AND b = 1', {
    yes: [{ a: 2, b: 1 }],
    no: [
      { a: 1, b: 1 },
      { a: 2, b: 2 },
    ],
  });
  takes('takes conditions in parentheses', 'NOT (a = 1 OR a = 2)', { yes: [{ a: 3 }], no: [{ a: 1 }, { a: 2 }] });

  takes('takes nothing for a comparison with what is absent', 'missing = 1', { no: [{ a: 1 }] });
  takes('takes nothing for its negation either', 'NOT (missing = 1)', { no: [{ a: 1 }] });
  takes('takes nothing where what is absent is unequal', 'missing <> 1', { no: [{ a: 1 }] });
  takes('takes an OR of which one side is known and true', 'missing = 1 OR a = 1', { yes: [{ a: 1 }], no: [{ a: 2 }] });
  takes('takes the negation of an AND of which one side is false', 'NOT (missing = 1 AND a = 2)', {
    yes: [{ a: 1 }],
    no: [{ a: 2 }],
  });
  takes('finds what is absent null', 'a IS NULL', { yes: [{ b: 1 }], no: [{ a: 1 }] });
  takes('finds what is there not null', 'a IS NOT NULL', { yes: [{ a: 1 }], no: [{ b: 1 }] });
  takes('finds an absent system property null', 'sys.ReplyTo IS NULL', {
    yes: [{ a: 1 }],
    no: [{ with: { replyTo: 'r' } }],
  });
  takes('asks whether a property exists', 'EXISTS(here)', { yes: [{ here: 1 }], no: [{ there: 1 }] });
  takes('asks whether a property does not exist', 'NOT EXISTS(here)', { yes: [{ there: 1 }], no: [{ here: 1 }] });

  takes('finds one of a list', "color IN ('red', 'blue')", {
    yes: [{ color: 'red' }, { color: 'blue' }],
    no: [{ color: 'green' }],
  });
  takes('finds none of a list', "color NOT IN ('red', 'blue')", { yes: [{ color: 'green' }], no: [{ color: 'red' }] });
  takes('finds neither for what is absent', "color IN ('red') OR color NOT IN ('red')", { no: [{ a: 1 }] });
  takes('calculates in a list', 'size IN (1, 3 + 4)', { yes: [{ size: 7 }], no: [{ size: 3 }] });

  takes('matches any text for a percent sign', "color LIKE 'r%'", {
    yes: [{ color: 'red' }, { color: 'r' }],
    no: [{ color: 'blur' }],
  });
  takes('matches one character for an underscore', "color LIKE '_e_'", {
    yes: [{ color: 'red' }],
    no: [{ color: 'reed' }],
  });
  takes('matches a pattern by case', "color LIKE 'R%'", { yes: [{ color: 'Red' }], no: [{ color: 'red' }] });
  takes('matches the whole text', "color LIKE 'e'", { yes: [{ color: 'e' }], no: [{ color: 'red' }] });
  takes('knows no other wildcard', "color LIKE '[r]%'", { yes: [{ color: '[r]x' }], no: [{ color: 'red' }] });
  takes('matches a wildcard that is escaped as itself', "a LIKE '100!%' ESCAPE '!'", {
    yes: [{ a: '100%' }],
    no: [{ a: '1000' }],
  });
  takes('finds what does not match', "color NOT LIKE '%e%'", { yes: [{ color: 'pink' }], no: [{ color: 'red' }] });
  takes('neither matches nor fails to match what is absent', "a LIKE '%' OR a NOT LIKE '%'", { no: [{ b: 'x' }] });
  takes('neither matches nor fails to match a number', "a LIKE '7' OR a NOT LIKE '7'", { no: [{ a: 7 }] });

  takes('reads a property by a calculated name', "property('col' + 'or') = 'red'", {
    yes: [{ color: 'red' }],
    no: [{ color: 'blue' }],
  });
  takes('takes everything for 1=1', '1=1', { yes: [{ a: 1 }, {}] }, FILTERS);
  takes('takes nothing for 1=0', '1=0', { no: [{ a: 1 }, {}] }, AMQP_REQUESTS);

  /** What is refused when the rule is made. */
  const refuses = (title: string, expression: string): void =>
    test(title, SQL_FILTER, async (bench, expect) => {
      await expect(routed(bench, [sql('r', expression)], [])).rejects.toMatchObject({ code: 'BadRequest' });
    });

  refuses('refuses an expression that has an operator twice', 'a = = 1');
  refuses('refuses an expression that ends too early', 'a = ');
  refuses('refuses a value where a condition is due', 'a + 1');
  refuses('refuses a text that does not end', "a = 'x");
  refuses('refuses a system property that there is none of', 'sys.Nonsense = 1');
  refuses('refuses an empty list', 'a IN ()');
  refuses('refuses an escape of two characters', "a LIKE 'x' ESCAPE 'no'");
  refuses('refuses a function that there is none of', "upper(a) = 'A'");
  refuses('refuses a parameter without a value', 'a = @p');
});
