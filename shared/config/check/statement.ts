/** One thing that a configuration says. */
import type { PlatformConfig } from '../sections.ts';

export interface Statement {
  readonly kind: 'allows' | 'refuses' | 'freezes' | 'calls';
  /** For people. */
  readonly text: string;
  /** Whether it holds under a configuration, too. */
  holdsIn(config: PlatformConfig): boolean;
}
