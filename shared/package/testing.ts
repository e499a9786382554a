/**
 * `platform-events/testing`: the platform and its bus in memory and in virtual time. What is exported here is the package's
 * promise to those who install it; `docs/testing.md` shows it in use.
 */
export { InMemoryEventBus } from '../local/testing/in-memory-event-bus.ts';
export { type PlatformOptions, type SimulatedPlatform, startPlatform } from '../local/testing/platform.ts';
export type { DeadLetterEntry } from '../ports/bus.ts';
export type { Notification } from '../ports/notifier.ts';
export type { DeploymentSummary, ObjectiveSummary, ServiceSummary } from '../status/summaries.ts';
