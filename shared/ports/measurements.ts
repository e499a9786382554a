/** What a monitoring system has counted. One contract suite: `test/contract/measurements.ts`. */

/** Where an objective's events are counted. */
export interface MeasuredObjective {
  /** A source of the configuration, by its name. */
  readonly source: string;
  /** What selects the counters of good events, in the language of the source. */
  readonly good: string;
  /** The same of all events. */
  readonly total: string;
}

/** What was counted from a time on. */
export interface Measurement {
  /** Whole numbers. Undefined when nothing selected as good exists: all bad, or a query that selects nothing. */
  readonly good: number | undefined;
  readonly total: number;
  /**
   * Up to when it was counted, in milliseconds since the Unix epoch; later than `from`. The next question begins here, so
   * that each event counts once, also where a source is minutes behind.
   */
  readonly until: number;
}

export interface Measurements {
  /**
   * How many events were good, and how many there were, from a time on and before another (milliseconds since the Unix
   * epoch). It may count less far than asked.
   *
   * @returns undefined when the source knows nothing of that time, or nothing yet: this is not zero events
   * @throws TransientError when it does not answer, or with a part only
   * @throws PermanentError when it refuses the question, or when what it answers cannot be
   */
  count(objective: MeasuredObjective, from: number, to: number): Promise<Measurement | undefined>;
}
