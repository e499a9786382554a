/** The certificate, as Node, OpenSSL and Python's strict checks read it; and how it is kept. */
import { execFileSync } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeCertificate } from '../../../../../shared/local/service-bus/transport/certificate.ts';
import { developmentCertificate } from '../../../../../shared/local/service-bus/transport/development-certificate.ts';

const DAY_MS = 24 * 60 * 60_000;
const NOW = Date.now();

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'certificate-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('a certificate', () => {
  it('is for this machine by each of its names, for servers, and no authority', () => {
    const { key, cert } = makeCertificate(NOW, DAY_MS);

    const read = new X509Certificate(cert);

    expect(read.subjectAltName).toBe('DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1');
    expect(read.ca).toBe(false);
    expect(read.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
    expect(read.checkPrivateKey(createPrivateKey(key))).toBe(true);
    expect(read.verify(read.publicKey)).toBe(true);
    expect(Date.parse(read.validTo)).toBe(Math.floor((NOW + DAY_MS) / 1000) * 1000);
    expect(Date.parse(read.validFrom)).toBeLessThan(NOW);
  });

  it('passes the strictest checks of OpenSSL when it is trusted', () => {
    const file = join(folder, 'cert.pem');
    writeFileSync(file, makeCertificate(NOW, DAY_MS).cert);

    const verify = (...names: string[]): string =>
      execFileSync('openssl', ['verify', '-x509_strict', '-purpose', 'sslserver', ...names, '-CAfile', file, file], {
        encoding: 'utf8',
        stdio: 'pipe',
      });

    expect(verify('-verify_hostname', 'localhost')).toContain('OK');
    expect(verify('-verify_ip', '127.0.0.1')).toContain('OK');
    expect(verify('-verify_ip', '::1')).toContain('OK');
    expect(() => verify('-verify_hostname', 'example.com')).toThrow(/mismatch/i);
  });

  it('has a serial number of its own, written in one way', () => {
    const serials = Array.from(
      { length: 20 },
      () => new X509Certificate(makeCertificate(NOW, DAY_MS).cert).serialNumber,
    );

    expect(new Set(serials).size).toBe(20);
    expect(serials.every((serial) => /^40[0-9A-F]{30}$/.test(serial))).toBe(true);
  });
});

describe('the development certificate', () => {
  const names = (): string[] => readdirSync(folder).sort();

  it('is made once, and its key is for this user alone', () => {
    const first = developmentCertificate(folder, NOW);
    const second = developmentCertificate(folder, NOW + DAY_MS);

    expect(first.isNew).toBe(true);
    expect(second).toEqual({ ...first, isNew: false });
    expect(names()).toEqual(['localhost-key.pem', 'localhost.pem']);
    expect(readFileSync(first.file, 'utf8')).toBe(first.cert);
    expect(readFileSync(first.file, 'utf8')).not.toContain('PRIVATE');
    expect(statSync(join(folder, 'localhost-key.pem')).mode & 0o777).toBe(0o600);
    expect(first.expiresAt.getTime()).toBeGreaterThan(NOW + 364 * DAY_MS);
  });

  it.each([
    ['is about to expire', () => developmentCertificate(folder, NOW - 340 * DAY_MS)],
    ['expired', () => developmentCertificate(folder, NOW - 1000 * DAY_MS)],
    ['is not valid yet', () => developmentCertificate(folder, NOW + 1000 * DAY_MS)],
    ['is damaged', () => writeFileSync(join(folder, 'localhost-key.pem'), 'damaged')],
    [
      'has the key of another',
      () => {
        const { key } = makeCertificate(NOW, 365 * DAY_MS);
        const { cert } = makeCertificate(NOW, 365 * DAY_MS);
        writeFileSync(join(folder, 'localhost-key.pem'), key + cert);
      },
    ],
  ])('is made anew when it %s', (_, before) => {
    before();

    const { cert, isNew, file } = developmentCertificate(folder, NOW);

    expect(isNew).toBe(true);
    expect(Date.parse(new X509Certificate(cert).validTo)).toBeGreaterThan(NOW + 300 * DAY_MS);
    expect(readFileSync(file, 'utf8')).toBe(cert);
    expect(developmentCertificate(folder, NOW).cert).toBe(cert);
  });

  it('mends a key that others can read, and a public file that is gone', () => {
    const { cert, file } = developmentCertificate(folder, NOW);
    chmodSync(join(folder, 'localhost-key.pem'), 0o644);
    rmSync(file);

    developmentCertificate(folder, NOW);

    expect(statSync(join(folder, 'localhost-key.pem')).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, 'utf8')).toBe(cert);
  });

  it('says where it cannot be kept', () => {
    const inside = join(folder, 'file');
    writeFileSync(inside, '');
    mkdirSync(join(folder, 'localhost-key.pem'));

    expect(() => developmentCertificate(inside, NOW)).toThrow(
      `the development certificate cannot be kept in ${inside}`,
    );
    expect(() => developmentCertificate(folder, NOW)).toThrow(`cannot be kept in ${folder}: EISDIR`);
  });
});
