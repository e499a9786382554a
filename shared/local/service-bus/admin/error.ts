/** The errors of the administration, with their HTTP status. */
import { BrokerError, type Condition } from '../core/broker-error.ts';

/** A request was refused. */
export class AdminError extends Error {
  override readonly name = 'AdminError';
  readonly status: number;

  constructor(status: number, message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.status = status;
  }
}

/** Every other condition is 400. */
const STATUSES: Readonly<Partial<Record<Condition, number>>> = {
  'amqp:not-found': 404,
  'amqp:unauthorized-access': 401,
  'amqp:resource-limit-exceeded': 403,
  'amqp:internal-error': 500,
  'com.microsoft:entity-already-exists': 409,
  'com.microsoft:server-busy': 503,
  'com.microsoft:timeout': 503,
};

/** The status, from which clients derive their codes, and the text that they show. Some clients read the `SubCode`. */
export function adminErrorOf(error: unknown): { status: number; detail: string } {
  const [status, message] = known(error);
  return { status, detail: `SubCode=${status}00. ${message}` };
}

function known(error: unknown): readonly [number, string] {
  if (error instanceof AdminError) return [error.status, error.message];
  if (error instanceof BrokerError) return [STATUSES[error.condition] ?? 400, error.message];
  return [500, error instanceof Error ? error.message : String(error)];
}
