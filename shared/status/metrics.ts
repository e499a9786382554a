/**
 * What a Prometheus server scrapes: the five DORA measures, error budgets, and the queues as they were last read; all of it
 * from the state store, so that every instance tells the same. Text format 0.0.4:
 * https://prometheus.io/docs/instrumenting/exposition_formats/
 */
import type { AutomationPause } from '../automation.ts';
import type { Labels, MetricFamily, Sample } from './metric-family.ts';
import { type DeploymentMeasure, OTHER } from './metric-labels.ts';
import { queueFamilies } from './queue-metrics.ts';
import type { QueueReading } from './queue-reading.ts';
import type { ServiceSummary } from './summaries.ts';

/** What the metrics are drawn from. */
interface Snapshot {
  readonly deployments: readonly DeploymentMeasure[];
  readonly services: readonly ServiceSummary[];
  /** Health checks that were ignored because their service has no objective. */
  readonly unlistedChecks: number;
  /** Undefined while the platform acts by itself. */
  readonly pause: AutomationPause | undefined;
  /** Undefined before the first. */
  readonly queues: QueueReading | undefined;
}

export const METRICS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** The metrics as text. A family without samples is left out. */
export function metricsText(snapshot: Snapshot): string {
  const families = [
    ...deploymentFamilies(snapshot),
    ...serviceFamilies(snapshot),
    automationFamily(snapshot),
    ...(snapshot.queues ? queueFamilies(snapshot.queues) : []),
  ];
  return families
    .filter(({ samples }) => samples.length > 0)
    .map(({ name, help, type, samples }) =>
      [
        `# HELP ${name} ${help}`,
        `# TYPE ${name} ${type}`,
        ...samples.map(({ labels, value, suffix = '' }) => `${name}${suffix}${labelText(labels)} ${valueText(value)}`),
      ].join('\n'),
    )
    .map((family) => `${family}\n`)
    .join('');
}

function deploymentFamilies({ deployments }: Snapshot): MetricFamily[] {
  const family = (
    name: string,
    type: MetricFamily['type'],
    help: string,
    samplesOf: (one: DeploymentMeasure) => Omit<Sample, 'labels'>[],
  ): MetricFamily => ({
    name: `platform_${name}`,
    type,
    help,
    samples: deployments.flatMap((one) => samplesOf(one).map((sample) => ({ ...sample, labels: one.labels }))),
  });
  const summary = ({ count, seconds }: { count: number; seconds: number }): Omit<Sample, 'labels'>[] => [
    { suffix: '_sum', value: seconds },
    { suffix: '_count', value: count },
  ];
  return [
    family(
      'deployments_total',
      'counter',
      'Changes deployed, whether they completed or failed; its rate is the deployment frequency.',
      (one) => [{ value: one.doraTotals.deployed }],
    ),
    family('deployments_completed_total', 'counter', 'Changes that completed.', (one) => [
      { value: one.doraTotals.completed },
    ]),
    family(
      'deployments_failed_total',
      'counter',
      'Changes that failed, also after they completed; divided by the changes deployed, the change fail rate.',
      (one) => [{ value: one.doraTotals.failed }],
    ),
    family(
      'deployments_rework_total',
      'counter',
      'Unplanned changes: after one that failed, or through a freeze; divided by the changes deployed, the deployment rework rate.',
      (one) => [{ value: one.doraTotals.rework }],
    ),
    family('deployments_rolled_back_total', 'counter', 'Changes that were rolled back.', (one) => [
      { value: one.doraTotals.rolledBack },
    ]),
    family(
      'change_lead_time_seconds',
      'summary',
      'Change lead time: from the commit to its first completion on this Deployment.',
      (one) => summary(one.doraTotals.leadTime),
    ),
    family(
      'failed_deployment_recovery_time_seconds',
      'summary',
      'Failed deployment recovery time: from a failure to the rollback or the next completion.',
      (one) => summary(one.doraTotals.recovery),
    ),
    family(
      'deployment_failing',
      'gauge',
      'Whether the deployment has been failing, and nothing has restored it.',
      (one) => [{ value: one.isFailing ? 1 : 0 }],
    ),
  ];
}

function serviceFamilies({ services: all, unlistedChecks }: Snapshot): MetricFamily[] {
  // Only a sender names a service without an objective, such as one that another tool froze.
  const services = all.filter(({ objectives }) => objectives.length > 0);
  const isOtherFrozen = all.some(({ objectives, freeze }) => objectives.length === 0 && freeze);
  const others = isOtherFrozen ? [{ labels: { service: OTHER }, value: 1 }] : [];
  const objectives = services.flatMap(({ service, objectives }) =>
    objectives.map((objective) => ({ ...objective, labels: { service, slo: objective.slo } })),
  );
  const measured = (value: number | undefined, labels: Labels): Sample[] =>
    value === undefined ? [] : [{ labels, value }];
  return [
    {
      name: 'platform_slo_target_ratio',
      type: 'gauge',
      help: 'The share of good events that is promised.',
      samples: objectives.map(({ labels, target }) => ({ labels, value: target })),
    },
    {
      name: 'platform_slo_current_ratio',
      type: 'gauge',
      help: 'The share of good events in the window, by the last health check.',
      samples: objectives.flatMap(({ labels, currentValue }) => measured(currentValue, labels)),
    },
    {
      name: 'platform_slo_error_budget_remaining_ratio',
      type: 'gauge',
      help: 'The share of the error budget that is left: 1 is all, 0 is spent, less is overspent.',
      samples: objectives.flatMap(({ labels, errorBudgetRemaining }) => measured(errorBudgetRemaining, labels)),
    },
    {
      name: 'platform_slo_alert_open',
      type: 'gauge',
      help: 'Whether the alert is open.',
      samples: objectives.flatMap(({ labels, alerts }) =>
        (['page', 'ticket'] as const).map((severity) => ({
          labels: { ...labels, severity },
          value: alerts.includes(severity) ? 1 : 0,
        })),
      ),
    },
    {
      name: 'platform_service_frozen',
      type: 'gauge',
      help: 'Whether the service takes no releases because an error budget is spent.',
      samples: [...services.map(({ service, freeze }) => ({ labels: { service }, value: freeze ? 1 : 0 })), ...others],
    },
    {
      name: 'platform_health_checks_without_objective_total',
      type: 'counter',
      help: 'Health checks that were ignored: the configuration names no objective for their service.',
      samples: [{ labels: {}, value: unlistedChecks }],
    },
    {
      name: 'platform_service_last_check_timestamp_seconds',
      type: 'gauge',
      help: 'The time of the newest health check that was counted.',
      samples: services.flatMap(({ service, checkedAt }) =>
        measured(checkedAt === undefined ? undefined : checkedAt / 1_000, { service }),
      ),
    },
  ];
}

function automationFamily({ pause }: Snapshot): MetricFamily {
  const help = 'Whether somebody has paused what the platform does in clusters by itself.';
  return { name: 'platform_automation_paused', type: 'gauge', help, samples: [{ labels: {}, value: pause ? 1 : 0 }] };
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length > 0 ? `{${pairs.join(',')}}` : '';
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

function valueText(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (Number.isFinite(value)) return String(value);
  return value > 0 ? '+Inf' : '-Inf';
}
