/** The demo's timeline: chapters, events with what matters of them, and what people were told. */
import type { PlatformEvent } from '../events/catalog.ts';
import type { Notification } from '../ports.ts';
import { bold, dim, green, yellow } from './command.ts';

export class DemoOutput {
  #startedAt: number | undefined;
  #checks = 0;

  chapter(title: string, now: number): void {
    this.#startedAt ??= now;
    this.#tellChecks(now);
    console.log(`\n${bold(title)}`);
  }

  event(event: PlatformEvent, now: number): void {
    // There are hundreds of them, and each says the same.
    if (event.type === 'HealthCheck') {
      this.#checks++;
      return;
    }
    this.#tellChecks(now);
    console.log(`${this.#time(now)}  ${event.type.padEnd(21)}  ${event.subject}  ${dim(describe(event))}`);
  }

  notification({ severity, title, text }: Notification, now: number): void {
    this.#tellChecks(now);
    const said = severity === 'info' ? title : yellow(title);
    console.log(`${this.#time(now)}  ${'  told'.padEnd(21)}  ${said}${dim(`: ${text}`)}`);
  }

  end(now: number, seconds: number): void {
    this.#tellChecks(now);
    const days = Math.round((now - (this.#startedAt ?? now)) / 86_400_000);
    console.log(`\n${green(`the loop is closed: ${days} days in ${seconds.toFixed(1)} s`)}`);
  }

  #tellChecks(now: number): void {
    if (this.#checks > 0)
      console.log(`${this.#time(now)}  ${dim(`${this.#checks} health check${this.#checks === 1 ? '' : 's'}`)}`);
    this.#checks = 0;
  }

  /** Day and time of day since the start. */
  #time(now: number): string {
    const elapsed = now - (this.#startedAt ?? now);
    const day = String(Math.floor(elapsed / 86_400_000)).padStart(2);
    return dim(`day ${day} ${new Date(elapsed).toISOString().slice(11, 19)}`);
  }
}

/** What matters of an event, on one line. */
function describe({ type, data }: PlatformEvent): string {
  switch (type) {
    case 'DeploymentRequested':
      return data.override
        ? `${data.image}, override by ${data.override.approvedBy}: ${data.override.reason}`
        : data.image;
    case 'DeploymentStarted':
      return data.previousImage ? `${data.previousImage} → ${data.image}` : data.image;
    case 'DeploymentCompleted':
      return `${data.image}, after ${data.durationSeconds.toFixed(0)} s`;
    case 'DeploymentFailed':
      return `${data.reason}: ${data.message}`;
    case 'DeploymentRolledBack':
      return `back to ${data.image}: ${data.reason}`;
    case 'ClusterCreated':
    case 'ClusterUpdated':
      return [data.region, data.version].filter(Boolean).join(', ');
    case 'NamespaceCreated':
      return `${data.environment}, team ${data.team}`;
    case 'ResourceQuotaExceeded':
      return `${data.used} of ${data.hard} ${data.resource}`;
    case 'HealthCheck':
      return `${data.good} of ${data.total} good`;
    case 'SLOViolation': {
      const { severity, burnRate, longWindow, shortWindow, errorBudgetRemaining } = data;
      const speed = `${burnRate.toFixed(1)} times too fast over ${longWindow} and ${shortWindow}`;
      return `${severity}: ${speed}, ${percent(errorBudgetRemaining)} of the budget left`;
    }
    case 'ErrorBudgetDepleted':
      return `${percent(data.errorBudgetRemaining)} of the budget left over ${data.window}`;
  }
}

function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`;
}
