/**
 * Notifications to webhooks. Each channel of the configuration that the severity and the team fit gets a notification
 * once: what was sent is remembered by channel and key, so that a retry for the sake of one channel sends nothing
 * to the others again. It is remembered after it was sent, so a process that dies in between may send it twice; the
 * other way round an alarm could be lost.
 */

import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PlatformConfig } from '../../config.ts';
import { DAY_MS } from '../../duration.ts';
import { ConfigError, combineErrors } from '../../errors.ts';
import { targetOf } from '../../events/deployment-target.ts';
import { eventKey } from '../../events/identity.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Notification, Notifier } from '../../ports/notifier.ts';
import type { StateStore } from '../../ports/state.ts';
import { type Environment, webhookProblems } from '../../settings.ts';
import { formats } from './formats.ts';
import { post } from './request.ts';

const PARTITION = 'notifications';

/** As long as an event can be delivered, its notifications are known. */
const KEPT_MS = 14 * DAY_MS;
/** Each notification looks at so many old ones, so that what is past is forgotten without a job of its own. */
const SWEPT = 5;

export interface WebhookOptions {
  readonly config: PlatformConfig;
  readonly state: StateStore;
  readonly clock: Clock;
  /** Where the addresses are. */
  readonly environment: Environment;
  /** How long one request may take; 5 s unless set. */
  readonly timeoutMs?: number;
  /** How the pause before a quick retry is made. */
  readonly pause?: (ms: number) => Promise<void>;
}

type Channel = PlatformConfig['notifications']['channels'][number] & { readonly name: string; readonly url: URL };

/** That a notification was sent. */
interface Sent {
  readonly at: number;
  /** Of the event that it was about, if it was about one. */
  readonly eventKey?: string;
}

/** @throws ConfigError naming each channel whose setting holds no address */
export function createWebhookNotifier(options: WebhookOptions): Notifier {
  const { config, environment } = options;
  const { baseUrl } = config.notifications;
  const problems = webhookProblems(config, environment);
  if (problems.length > 0) throw new ConfigError(problems.join('; '));
  const channels = config.notifications.channels.map((channel, index): Channel => {
    const name = `notifications.channels.${index} (${channel.urlSetting})`;
    return { ...channel, name, url: new URL(environment[channel.urlSetting] ?? '') };
  });
  return {
    async notify(notification) {
      const { severity, team } = notification;
      const link = baseUrl && pageLink(baseUrl, notification);
      const fitting = channels.filter(
        (channel) =>
          channel.severities.includes(severity) && (!channel.teams || (team && channel.teams.includes(team))),
      );
      // Two channels may lead to one place, and both may fit.
      const once = new Map(fitting.map((channel) => [`${channel.format} ${channel.urlSetting}`, channel]));
      const outcomes = await Promise.allSettled(
        [...once.values()].map((channel) => sendOnce(channel, notification, link, options)),
      );
      const errors = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
      if (errors.length > 0) throw combineErrors(errors);
    },
  };
}

/** The page that shows the cause and what can be done: of the deployment or the service, else of the chain. */
function pageLink(baseUrl: string, { event }: Notification): string {
  const page = (...path: readonly string[]): URL =>
    new URL([baseUrl.replace(/\/$/, ''), 'api/dashboard', ...path.map(encodeURIComponent)].join('/'));
  if (!event) return page().href;
  switch (event.type) {
    case 'DeploymentRequested':
    case 'DeploymentStarted':
    case 'DeploymentCompleted':
    case 'DeploymentFailed':
    case 'DeploymentRolledBack':
      return page('deployments', ...targetOf(event.data).split('/')).href;
    case 'HealthCheck':
    case 'SLOViolation':
    case 'ErrorBudgetDepleted':
      return page('services', event.data.service).href;
    default: {
      const link = page('chain');
      link.searchParams.set('id', event.correlationid);
      return link.href;
    }
  }
}

async function sendOnce(
  channel: Channel,
  notification: Notification,
  link: string | undefined,
  { config, state, clock, timeoutMs = 5_000, pause = sleep }: WebhookOptions,
): Promise<void> {
  const { event, key } = notification;
  const id = createHash('sha256')
    .update(JSON.stringify([channel.urlSetting, channel.format, key]))
    .digest('hex');
  const sent = (await state.get<Sent>(PARTITION, id))?.value;
  const by = event && eventKey(event);
  const isRecent = sent && clock.now() - sent.at < config.notifications.suppressFor;
  if (isRecent || (sent && sent.eventKey === by)) return;

  const payload = formats[channel.format](notification, link);
  await post(channel.name, channel.url, payload, { timeoutMs, pause, now: () => clock.now() });
  await state.put<Sent>(PARTITION, id, { at: clock.now(), ...(by !== undefined && { eventKey: by }) }, '*');
  await forgetSome(state, id, clock.now() - Math.max(KEPT_MS, config.notifications.suppressFor));
}

/** Keys are hashes, so the ones after this are any: each gets its turn. */
async function forgetSome(state: StateStore, id: string, before: number): Promise<void> {
  for await (const { key, value, etag } of state.query<Sent>(PARTITION, { from: id, limit: SWEPT })) {
    // When it was sent again meanwhile, its etag has changed, and it stays.
    if (value.at < before) await state.delete(PARTITION, key, etag);
  }
}
