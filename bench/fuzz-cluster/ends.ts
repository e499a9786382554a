/** How requests ended, by the facts that were published about them. */

/** What is read of a fact. */
export interface Fact {
  readonly type: string;
  readonly source: string;
  readonly id: string;
  readonly data: { readonly requestId?: string; readonly reason?: string };
}

const END_TYPES = ['DeploymentCompleted', 'DeploymentFailed', 'DeploymentRolledBack'];

/** Every request has one end: it completed, or it failed, and may have been rolled back then. */
export class Ends {
  readonly #facts = new Map<string, Fact[]>();
  /** Facts that came more than once: delivery is at least once. */
  repeated = 0;

  /** An event about a deployment; others than the ends are passed over. */
  add(fact: Fact): void {
    if (!END_TYPES.includes(fact.type)) return;
    const { requestId = '' } = fact.data;
    const known = this.#facts.get(requestId) ?? [];
    if (known.some(({ source, id }) => source === fact.source && id === fact.id)) this.repeated++;
    else this.#facts.set(requestId, [...known, fact]);
  }

  /** `completed`, the reason of the failure, `no end`, or what ends there are. */
  of(requestId: string): string {
    const facts = this.#facts.get(requestId) ?? [];
    const of = (type: string): Fact[] => facts.filter((fact) => fact.type === type);
    const [completed, failed, back] = [of('DeploymentCompleted'), of('DeploymentFailed'), of('DeploymentRolledBack')];
    if (completed.length + failed.length === 0) return 'no end';
    const isOne = completed.length + failed.length === 1 && back.length <= failed.length;
    if (!isOne) return `two ends: ${facts.map(({ type }) => type).join(', ')}`;
    const [failure] = failed;
    if (!failure) return 'completed';
    return `${failure.data.reason}${back.length > 0 ? ', rolled back' : ''}`;
  }
}

export function isWrong(end: string): boolean {
  return end === 'no end' || end.startsWith('two ends');
}
