/** Valid data for every event, for tests that need just any. */
import type { EventType } from '../../shared/events/catalog.ts';

const release = { namespace: 'shop', deployment: 'web', image: 'ghcr.io/shop/web:1.2.3' };
const ofRequest = { ...release, requestId: 'request-1' };
const budget = { service: 'web', slo: 'availability', currentValue: 0.99, targetValue: 0.999 };

/** Data that fits the schema of each type, required fields alone. */
export const sampleData = {
  DeploymentRequested: release,
  DeploymentStarted: ofRequest,
  DeploymentCompleted: { ...ofRequest, durationSeconds: 12.5, replicas: 3 },
  DeploymentFailed: { ...ofRequest, reason: 'DeadlineExceeded', message: 'not ready in time', durationSeconds: 600 },
  DeploymentRolledBack: {
    ...ofRequest,
    failedImage: 'ghcr.io/shop/web:1.2.4',
    reason: 'DeadlineExceeded',
    durationSeconds: 30,
  },
  ClusterCreated: { clusterName: 'north', region: 'northeurope' },
  ClusterUpdated: { clusterName: 'north', region: 'northeurope' },
  NamespaceCreated: { namespace: 'shop', team: 'shop', environment: 'production' },
  ResourceQuotaExceeded: { namespace: 'shop', resource: 'requests.cpu', used: '3900m', hard: '4' },
  HealthCheck: { service: 'web', good: 99, total: 100 },
  SLOViolation: {
    ...budget,
    severity: 'page',
    burnRate: 14.5,
    longWindow: '1h',
    shortWindow: '5m',
    errorBudgetRemaining: 0.7,
  },
  ErrorBudgetDepleted: { ...budget, window: '30d', errorBudgetRemaining: -0.1 },
} as const satisfies Record<EventType, object>;
