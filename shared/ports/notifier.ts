/** Who is told. */
import type { PlatformEvent } from '../events/catalog.ts';

export interface Notification {
  /** Sent once per key: a repeated run of a handler gives the same key. */
  readonly key: string;
  readonly severity: 'info' | 'warning' | 'critical';
  readonly title: string;
  readonly text: string;
  /** Routes to the team's own channel when it has one. */
  readonly team?: string | undefined;
  readonly facts?: Readonly<Record<string, string>>;
  /** The event that this is about; none when it is about something that did not happen. */
  readonly event?: PlatformEvent;
}

export interface Notifier {
  /** @throws TransientError when the receiver is busy or away; PermanentError when it refuses */
  notify(notification: Notification): Promise<void>;
}
