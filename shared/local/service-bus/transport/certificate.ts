/**
 * Makes a self-signed certificate for this machine (X.509, RFC 5280). `node:crypto` reads certificates, but makes none.
 * The libraries that do bring 1.5 MB or ten packages; what one fixed certificate takes is this page.
 */
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { bits, der, integer, octets, oid, sequence, set, text, utcTime, yes } from './der.ts';

export interface Certificate {
  /** The private key and the certificate, in PEM. */
  readonly key: string;
  readonly cert: string;
}

export const CERTIFICATE_NAMES = ['localhost', '127.0.0.1', '::1'] as const;
const IP_ADDRESSES = [Buffer.from([127, 0, 0, 1]), Buffer.concat([Buffer.alloc(15), Buffer.from([1])])];

const ECDSA_WITH_SHA256 = sequence(oid('1.2.840.10045.4.3.2'));
const COMMON_NAME = oid('2.5.4.3');
const BASIC_CONSTRAINTS = oid('2.5.29.19');
const KEY_USAGE = oid('2.5.29.15');
const EXTENDED_KEY_USAGE = oid('2.5.29.37');
const SERVER_AUTHENTICATION = oid('1.3.6.1.5.5.7.3.1');
const ALTERNATIVE_NAMES = oid('2.5.29.17');
const SUBJECT_KEY = oid('2.5.29.14');
const AUTHORITY_KEY = oid('2.5.29.35');

/** Clients' clocks may be behind. */
const LEEWAY_MS = 60 * 60_000;

/**
 * A certificate for `CERTIFICATE_NAMES`. It is no authority: whoever gets hold of its key can pretend to be a server on
 * this machine, and nothing else.
 */
export function makeCertificate(nowMs: number, validMs: number): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const keyInfo = publicKey.export({ type: 'spki', format: 'der' });
  // The first byte is positive and not 0, so that the number has one way to be written.
  const serial = Buffer.concat([Buffer.from([0x40]), randomBytes(15)]);
  const name = sequence(set(sequence(COMMON_NAME, text('platform-events local Service Bus'))));
  const signed = sequence(
    der(0xa0, integer(Buffer.from([2]))),
    integer(serial),
    ECDSA_WITH_SHA256,
    name,
    sequence(utcTime(nowMs - LEEWAY_MS), utcTime(nowMs + validMs)),
    name,
    keyInfo,
    der(0xa3, sequence(...extensions(keyInfo))),
  );
  const whole = sequence(signed, ECDSA_WITH_SHA256, bits(sign('sha256', signed, privateKey)));
  const lines = whole.toString('base64').match(/.{1,64}/g) ?? [];
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`,
  };
}

function extensions(keyInfo: Buffer): Buffer[] {
  const keyId = createHash('sha1').update(keyInfo).digest();
  const names = [der(0x82, Buffer.from('localhost', 'ascii')), ...IP_ADDRESSES.map((address) => der(0x87, address))];
  const critical = (id: Buffer, value: Buffer): Buffer => sequence(id, yes(), octets(value));
  return [
    critical(BASIC_CONSTRAINTS, sequence()),
    // Digital signatures: the highest of eight bits.
    critical(KEY_USAGE, bits(Buffer.from([0x80]), 7)),
    sequence(EXTENDED_KEY_USAGE, octets(sequence(SERVER_AUTHENTICATION))),
    sequence(ALTERNATIVE_NAMES, octets(sequence(...names))),
    sequence(SUBJECT_KEY, octets(octets(keyId))),
    sequence(AUTHORITY_KEY, octets(sequence(der(0x80, keyId)))),
  ];
}
