/** How the contract of the Functions host reaches a host: an address for HTTP, and the namespace that it listens to. */

export interface HostDriver {
  /** Such as `http://127.0.0.1:7071`. */
  readonly baseUrl: string;
  /** Of the namespace with the queues of the probe app. */
  readonly serviceBus: string;
  close(): Promise<void>;
}

/** What a driver may be unable to do. */
export type HostFeature = 'functionKeys';

/** `true`, or the reason why not, which the report shows. */
export type HostFeatures = Readonly<Record<HostFeature, true | string>>;
