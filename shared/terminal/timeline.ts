/** Events as lines for people: time, type, subject, and the key facts. */

import { oneLine } from '../shown-text.ts';
import { budgetWords } from '../slo/budget-text.ts';
import { bold, dim, green, red, yellow } from './command.ts';

/** The parts of an event that a line shows. They need not be validated. */
export interface TimelineEvent {
  readonly type: string;
  readonly subject?: string | undefined;
  readonly data?: unknown;
}

export const MAX_TYPE = 'ResourceQuotaExceeded'.length;

/** @param atMs the time since the first line, in milliseconds */
export function timelineLine(event: TimelineEvent, atMs: number): string {
  const seconds = `${(atMs / 1000).toFixed(2).padStart(7)} s`;
  const type = oneLine(event.type).padEnd(MAX_TYPE);
  const [subject, facts] = [oneLine(event.subject ?? ''), oneLine(factsOf(event))];
  return `${dim(seconds)}  ${colourOf(event.type)(type)}  ${subject}  ${dim(facts)}`.trimEnd();
}

/** The colour of a type. */
export function colourOf(type: string): (text: string) => string {
  if (/Completed$/.test(type)) return green;
  if (/Failed$|Depleted$/.test(type)) return red;
  if (/RolledBack$|Violation$|Exceeded$/.test(type)) return yellow;
  return bold;
}

/** The key facts of an event; for an unknown type, the texts and numbers of its data. */
export function factsOf({ type, data }: TimelineEvent): string {
  const fact = (name: string, of: unknown = data): string => {
    const value: unknown = Reflect.get(Object(of), name);
    return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
  };
  switch (type) {
    case 'DeploymentRequested': {
      const override: unknown = Reflect.get(Object(data), 'override');
      const by =
        override === undefined ? '' : `, override by ${fact('approvedBy', override)}: ${fact('reason', override)}`;
      return `${fact('image')}${by}`;
    }
    case 'DeploymentStarted':
      return fact('previousImage') ? `${fact('previousImage')} → ${fact('image')}` : fact('image');
    case 'DeploymentCompleted':
      return `${fact('image')}, after ${fact('durationSeconds')} s`;
    case 'DeploymentFailed':
      return `${fact('reason')}: ${fact('message')}`;
    case 'DeploymentRolledBack':
      return `back to ${fact('image')}: ${fact('reason')}`;
    case 'SLOViolation': {
      const burn = `${Number(fact('burnRate')).toFixed(1)} times too fast over ${fact('longWindow')} and ${fact('shortWindow')}`;
      return `${fact('severity')}: the error budget burns ${burn}; ${budgetWords(Number(fact('errorBudgetRemaining')))}`;
    }
    case 'ErrorBudgetDepleted':
      return `the error budget over ${fact('window')} is ${budgetWords(Number(fact('errorBudgetRemaining')))}`;
    case 'ClusterCreated':
    case 'ClusterUpdated':
      return [fact('region'), fact('version')].filter(Boolean).join(', ');
    case 'NamespaceCreated':
      return `${fact('environment')}, team ${fact('team')}`;
    case 'ResourceQuotaExceeded':
      return `${fact('used')} of ${fact('hard')} ${fact('resource')}`;
    case 'HealthCheck':
      return `${fact('good')} of ${fact('total')} good`;
    default:
      return typeof data === 'object' && data !== null
        ? Object.entries(data)
            .filter(([, value]) => typeof value === 'string' || typeof value === 'number')
            .map(([name, value]) => `${name}=${value}`)
            .join(' ')
        : '';
  }
}
