/** A shop on the in-memory platform whose health is checked every minute, and that can be made to fail. */
import { newEvent } from '../../shared/events/cloud-event.ts';
import { DeploymentRequested } from '../../shared/events/deployment.ts';
import { HealthCheck } from '../../shared/events/platform.ts';
import { type Platform, startPlatform } from './platform.ts';

/** The budget is spent soon, and then the service is frozen. */
export const OVERRIDE = { override: { reason: 'a test', approvedBy: 'ada' } };

interface ShopOptions {
  readonly rollbackOnPage?: 'off' | 'observe' | 'act';
}

/** The id and source of the request, and more of its data. */
interface ReleaseOptions extends Readonly<Record<string, unknown>> {
  readonly id?: string;
  readonly source?: string;
}

export class CheckedShop {
  readonly platform: Platform;
  /** The share of requests that fail. */
  failing = 0;

  private constructor(platform: Platform) {
    this.platform = platform;
  }

  /** `web:1` and `worker:1` have run for an hour. */
  static async open({ rollbackOnPage = 'act' }: ShopOptions = {}): Promise<CheckedShop> {
    const objectives = [{ target: 0.999, rollbackOnPage }];
    const shop = new CheckedShop(
      await startPlatform({
        services: [{ name: 'shop', team: 'shop', workloads: ['*/shop/web', '*/shop/worker'], objectives }],
      }),
    );
    for (const deployment of ['web', 'worker']) await shop.release(deployment, '1');
    await shop.serve(60);
    return shop;
  }

  /** Health checks, one a minute. */
  async serve(minutes: number): Promise<void> {
    const { bus } = this.platform;
    for (let n = 0; n < minutes; n++) {
      const data = { service: 'shop', good: 1_000 - 1_000 * this.failing, total: 1_000 };
      await bus.publish(newEvent(HealthCheck, { source: '/probe', time: this.#time(), data }));
      await bus.advance('1m');
    }
  }

  /** Asks for a release, and lets its rollout begin. */
  async release(deployment: string, tag: string, { id, source = '/ci', ...data }: ReleaseOptions = {}): Promise<void> {
    const image = `ghcr.io/shop/${deployment}:${tag}`;
    const asked = { namespace: 'shop', deployment, image, ...data };
    await this.platform.bus.publish(
      newEvent(DeploymentRequested, { source, time: this.#time(), data: asked, ...(id !== undefined && { id }) }),
    );
    await this.platform.bus.advance('1s');
  }

  #time(): string {
    return new Date(this.platform.ports.clock.now()).toISOString();
  }
}
