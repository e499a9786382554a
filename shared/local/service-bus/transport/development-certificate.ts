/**
 * The certificate of the bus on this machine: made at first use, kept in the user's data folder so that it has to be
 * trusted once, and made anew before it expires.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { chmodSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { ConfigError } from '../../../errors.ts';
import { CERTIFICATE_NAMES, type Certificate, makeCertificate } from './certificate.ts';

export interface DevelopmentCertificate extends Certificate {
  /** The file that clients are told to trust. It has no key. */
  readonly file: string;
  readonly expiresAt: Date;
  /** It was made just now, so no client trusts it yet. */
  readonly isNew: boolean;
}

const DAY_MS = 24 * 60 * 60_000;
/** Apple's systems accept no more than 825 days. */
const VALID_MS = 365 * DAY_MS;
/** So that a bus that runs for weeks does not expire meanwhile. */
const RENEW_MS = 30 * DAY_MS;

/**
 * @param folder where it is kept
 *
 * @throws ConfigError when the folder cannot be written
 */
export function developmentCertificate(folder = dataFolder(), nowMs = Date.now()): DevelopmentCertificate {
  // Key and certificate are in one file, so that two buses that start at once cannot mix them.
  const secret = join(folder, 'localhost-key.pem');
  const file = join(folder, 'localhost.pem');
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const kept = read(secret, nowMs);
    if (!kept) {
      const { key, cert } = makeCertificate(nowMs, VALID_MS);
      rmSync(secret, { force: true });
      write(secret, key + cert, 0o600);
    }
    const found = kept ?? read(secret, nowMs);
    if (!found) throw new ConfigError(`${secret}: cannot be read back`);
    if (textOf(file) !== found.cert) {
      rmSync(file, { force: true });
      write(file, found.cert, 0o644);
    }
    const expiresAt = new Date(new X509Certificate(found.cert).validTo);
    return { ...found, file, expiresAt, isNew: kept === undefined };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (typeof code !== 'string') throw error;
    throw new ConfigError(`the development certificate cannot be kept in ${folder}: ${code}`);
  }
}

/** Where the data of this user's programs is. */
function dataFolder(): string {
  const { XDG_DATA_HOME, LOCALAPPDATA } = process.env;
  const own = (folder: string): string => join(folder, 'platform-events', 'service-bus');
  if (process.platform === 'win32') return own(LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local'));
  // The specification has relative paths ignored.
  if (XDG_DATA_HOME && isAbsolute(XDG_DATA_HOME)) return own(XDG_DATA_HOME);
  return own(
    join(homedir(), ...(process.platform === 'darwin' ? ['Library', 'Application Support'] : ['.local', 'share'])),
  );
}

/** What the file holds; undefined when that cannot be used. */
function read(secret: string, nowMs: number): Certificate | undefined {
  const text = textOf(secret);
  const [, key, cert] =
    text === undefined ? [] : (/^(-----BEGIN PRIVATE.*?-----END PRIVATE KEY-----\n)(.*)$/s.exec(text) ?? []);
  if (key === undefined || cert === undefined || !isUsable(key, cert, nowMs)) return undefined;
  if (process.platform !== 'win32' && (statSync(secret).mode & 0o077) !== 0) chmodSync(secret, 0o600);
  return { key, cert };
}

function isUsable(key: string, cert: string, nowMs: number): boolean {
  try {
    const certificate = new X509Certificate(cert);
    const from = Date.parse(certificate.validFrom);
    const to = Date.parse(certificate.validTo);
    return (
      from <= nowMs &&
      nowMs < to - RENEW_MS &&
      CERTIFICATE_NAMES.every((name) => certificate.checkHost(name) ?? certificate.checkIP(name)) &&
      certificate.checkPrivateKey(createPrivateKey(key))
    );
  } catch {
    // Damaged: another one is made.
    return false;
  }
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Writes a file that does not exist, complete at once. When another process was faster, its file stays. */
function write(file: string, text: string, mode: number): void {
  const temporary = `${file}.${process.pid}.tmp`;
  rmSync(temporary, { force: true });
  writeFileSync(temporary, text, { mode, flag: 'wx' });
  try {
    linkSync(temporary, file);
  } catch (error) {
    const isThere = error instanceof Error && 'code' in error && error.code === 'EEXIST';
    // Some file systems have no links.
    if (!isThere) renameSync(temporary, file);
  }
  rmSync(temporary, { force: true });
}
