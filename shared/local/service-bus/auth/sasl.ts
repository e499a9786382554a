/**
 * The SASL layer, which identifies the client. Clients that authenticate by token (`$cbs`) choose ANONYMOUS, EXTERNAL
 * or MSSBCBS; PLAIN has the key's name and the key.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { readPerformative, textAt } from '../amqp/codec/frames.ts';
import { AmqpError, TypedArray } from '../amqp/codec/types.ts';
import { Writer } from '../amqp/codec/writer.ts';
import type { AccessRight } from '../core/authorization-rule.ts';

/** A shared access key. */
export interface SharedKey {
  readonly name: string;
  readonly key: string;
}

const MECHANISMS = ['MSSBCBS', 'PLAIN', 'ANONYMOUS', 'EXTERNAL'] as const;
const SASL_INIT = 0x41;
const SASL_OK = 0;
const SASL_AUTH = 1;

/** The frame that offers the mechanisms. */
export function saslMechanisms(): Buffer {
  return described(0x40, (writer) => writer.value(new TypedArray('symbol', MECHANISMS)));
}

/** The rights that a name and a password give; undefined when they are wrong. */
export type ReadPassword = (name: string, password: string) => readonly AccessRight[] | undefined;

type SaslResult =
  | { readonly answer: Buffer; readonly isAccepted: true; readonly rights: readonly AccessRight[] | undefined }
  | { readonly answer: Buffer; readonly isAccepted: false };

/**
 * Answers the client's init frame, whose body is from `start` to `end`.
 *
 * @throws AmqpError when it is not an init frame
 */
export function answerInit(frame: Buffer, start: number, end: number, readPassword: ReadPassword): SaslResult {
  const init = readPerformative(frame, start, end, { 'amqp:sasl-init:list': SASL_INIT });
  if (init.code !== SASL_INIT) throw new AmqpError('amqp:decode-error', 'expected a sasl-init frame');
  const mechanism = textAt(init, 0);
  if (mechanism === 'PLAIN') {
    const response = init.fields[1];
    const [, name, secret] = Buffer.isBuffer(response) ? response.toString('utf8').split('\0') : [];
    const rights = name === undefined || secret === undefined ? undefined : readPassword(name, secret);
    return rights
      ? { answer: outcome(SASL_OK), isAccepted: true, rights }
      : { answer: outcome(SASL_AUTH), isAccepted: false };
  }
  const isKnown = MECHANISMS.some((known) => known === mechanism);
  return isKnown
    ? { answer: outcome(SASL_OK), isAccepted: true, rights: undefined }
    : { answer: outcome(SASL_AUTH), isAccepted: false };
}

/** Compares texts in constant time. */
export function sameText(left: string, right: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(left), digest(right));
}

function outcome(code: number): Buffer {
  return described(0x44, (writer) => writer.ubyte(code));
}

function described(code: number, write: (writer: Writer) => void): Buffer {
  const writer = new Writer(64);
  writer.descriptor(code);
  const token = writer.open(0xd0);
  write(writer);
  writer.close(token, 1);
  return writer.copy();
}
