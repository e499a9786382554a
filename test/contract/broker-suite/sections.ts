/** Every section of the broker contract, in the order of the reports. */
import type { BrokerCase, Section } from '../broker-case.ts';
import { queues } from './administration/queues.ts';
import { topics } from './administration/topics.ts';
import { browsing } from './browsing.ts';
import { deadLetters } from './dead-letters.ts';
import { deferring } from './deferring.ts';
import { differences } from './differences.ts';
import { duplicates } from './duplicates.ts';
import { expiry } from './expiry.ts';
import { forwarding } from './forwarding.ts';
import { INFERRED } from './inferred.ts';
import { quotas } from './quotas.ts';
import { receiving } from './receiving.ts';
import { correlationFilters } from './rules/correlation-filters.ts';
import { rules } from './rules/rules.ts';
import { sqlActions } from './rules/sql-actions.ts';
import { sqlFilters } from './rules/sql-filters.ts';
import { scheduling } from './scheduling.ts';
import { sending } from './sending.ts';
import { sessions } from './sessions.ts';
import { suspending } from './suspending.ts';

const written: readonly Section[] = [
  ...[sending, scheduling, duplicates, receiving, deferring, browsing, expiry, deadLetters, forwarding, sessions],
  ...[rules, sqlFilters, sqlActions, correlationFilters, quotas, suspending, queues, topics, differences],
];

/** With `inferred` among the sources of those cases that their sources do not say in so many words. */
export const sections: readonly Section[] = written.map(({ title, cases }) => ({
  title,
  cases: cases.map((one) =>
    INFERRED[title]?.includes(one.title) ? { ...one, sources: [...one.sources, 'inferred'] } : one,
  ),
}));

export const allCases: readonly BrokerCase[] = sections.flatMap(({ cases }) => cases);
