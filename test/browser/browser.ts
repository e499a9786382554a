/**
 * A real browser for the tests of the pages: whatever Chromium this machine has, driven by playwright-core. Neither is among
 * what everybody installs: `npm ci --prefix test/browser`, and Debian's `chromium` (or Google's Chrome).
 */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { pathToFileURL } from 'node:url';

const PACKAGES = join(import.meta.dirname, 'node_modules');
const DRIVER = join(PACKAGES, 'playwright-core', 'index.mjs');
export const AXE = join(PACKAGES, 'axe-core', 'axe.min.js');
const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** The parts of playwright-core that are used here; its types are not there where it is not. */
export interface BrowserPage {
  goto(url: string): Promise<{ status(): number } | null>;
  url(): string;
  title(): Promise<string>;
  content(): Promise<string>;
  evaluate<T>(script: string): Promise<T>;
  click(selector: string): Promise<void>;
  fill(selector: string, text: string): Promise<void>;
  textContent(selector: string): Promise<string | null>;
  waitForURL(url: string | RegExp): Promise<void>;
  waitForFunction(script: string, argument?: undefined, options?: { timeout: number }): Promise<unknown>;
  setViewportSize(size: { width: number; height: number }): Promise<void>;
  emulateMedia(media: { colorScheme: 'light' | 'dark' }): Promise<void>;
  readonly keyboard: { press(key: string): Promise<void> };
  on(event: 'pageerror', listener: (error: Error) => void): void;
  on(event: 'console', listener: (message: { type(): string; text(): string }) => void): void;
  close(): Promise<void>;
}

export interface RealBrowser {
  newContext(options: { javaScriptEnabled?: boolean }): Promise<{ newPage(): Promise<BrowserPage> }>;
  newPage(): Promise<BrowserPage>;
  close(): Promise<void>;
}

const executablePath = (process.env['PATH'] ?? '')
  .split(delimiter)
  .flatMap((folder) => NAMES.map((name) => join(folder, name)))
  .find((path) => existsSync(path));

/** Why there is no browser here; undefined when there is one. */
export const reasonWithout: string | undefined = !existsSync(DRIVER)
  ? 'npm ci --prefix test/browser installs what drives one'
  : executablePath === undefined
    ? 'this machine has no Chromium'
    : undefined;

export async function launchBrowser(): Promise<RealBrowser> {
  const { chromium } = await import(pathToFileURL(DRIVER).href);
  // Root, as in containers, gets no sandbox; nothing but our own pages is opened.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  return chromium.launch({ executablePath, args });
}
