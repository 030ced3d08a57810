// The inspector: watches what a host sends in the clear, and lets its key exchange reply pass only with the pinned key.
//
// Flow, server to client (RFC 4253):
//   lines, the last one SSH-2.0-…   the last one is passed on when it is complete, the others are for nobody
//   KEXINIT (20)                    passed on if the key can be checked after it
//   reply (31)                      held until complete, passed on if it carries the pinned key
//   NEWKEYS (21)                    passed on; from here everything is encrypted, and nothing is looked at
// `ssh` proves that the host owns the key (it signs the exchange); the inspector proves that it is the right key.
//
// What the host sends before that may be a relay's, and SSH clients show some of it to a person: the text of a DISCONNECT (1),
// and the names of an offer that does not suit them. So a DISCONNECT is passed on with our words, after which nothing may
// follow, and every name of an offer must look like one. Nothing else passes. IGNORE and DEBUG could not hide a key, but
// hosts have no reason to send them here and strict key exchange forbids them; and a relay that may insert packets before
// encryption shifts sequence numbers (the Terrapin attack).
import { fingerprintOf, isSameKey } from '#shared/ssh/fingerprint.ts';
import type { Fingerprint } from '#shared/ssh/fingerprint-text.ts';
import { ownDisconnect } from './disconnect.ts';
import {
  type AnswerBytes,
  DISCONNECT,
  hostKeyOf,
  KEX_REPLY,
  KEXINIT,
  NEWKEYS,
  readKexinit,
} from './key-exchange.ts';
import { readIdentificationLine, readPacket } from './units.ts';

/** What is known about the host. All but `undecided` are final. */
export type HostKeyVerdict =
  | { readonly kind: 'undecided' }
  /** The host key is the pinned one, and everything from here on is encrypted. */
  | { readonly kind: 'match' }
  /** The host key is another one. */
  | { readonly kind: 'mismatch'; readonly presented: Fingerprint }
  /** The host does not behave so that its key could be checked. */
  | { readonly kind: 'unverifiable'; readonly detail: string };

/** RFC 4253 sets no limit to the lines before the identification; OpenSSH takes 1024. */
const MAX_LINES = 64;

type Expecting =
  | { readonly kind: 'line'; readonly seen: number }
  | { readonly kind: 'kexinit' }
  | { readonly kind: 'reply'; readonly answers: readonly AnswerBytes[] }
  | { readonly kind: 'newkeys' }
  | { readonly kind: 'nothing' };

type Step =
  /** The unit is passed on, or `instead` in its place. */
  | { readonly kind: 'expect'; readonly next: Expecting; readonly instead?: Buffer }
  | Exclude<HostKeyVerdict, { kind: 'undecided' }>;

const EMPTY = Buffer.alloc(0);
const UNDECIDED: HostKeyVerdict = { kind: 'undecided' };

/** Pure but for its memory: at most one packet (35,000 bytes) waits in it for its end. How the bytes are cut is irrelevant. */
export class HostKeyInspector {
  readonly #pinned: Fingerprint;
  #expecting: Expecting = { kind: 'line', seen: 0 };
  #verdict: HostKeyVerdict = UNDECIDED;
  #held: Buffer = EMPTY;

  constructor(pinned: Fingerprint) {
    this.#pinned = pinned;
  }

  get verdict(): HostKeyVerdict {
    return this.#verdict;
  }

  /** Takes bytes from the host and returns those that may be passed on now, possibly none. After a refusal: none, ever. */
  inspect(chunk: Buffer): Buffer {
    if (this.#verdict.kind === 'match') return chunk;
    if (this.#verdict.kind !== 'undecided') return Buffer.alloc(0);
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const passed: Buffer[] = [];
    let read = 0;
    while (this.#verdict.kind === 'undecided' && read < bytes.length) {
      const unit = this.#readUnit(bytes.subarray(read));
      if (unit === undefined) break;
      const { step } = unit;
      const rest = bytes.subarray(read);
      read += unit.bytes;
      if (step.kind === 'expect') {
        this.#expecting = step.next;
        passed.push(step.instead ?? rest.subarray(0, unit.bytes));
      } else {
        this.#verdict = step;
        if (step.kind === 'match') passed.push(rest);
      }
    }
    // A copy: what is held must not keep, nor share memory with, a chunk that was given away.
    this.#held = this.#verdict.kind === 'undecided' ? Buffer.from(bytes.subarray(read)) : EMPTY;
    return passed.length === 1 ? (passed[0] ?? EMPTY) : Buffer.concat(passed);
  }

  #readUnit(bytes: Buffer): { readonly bytes: number; readonly step: Step } | undefined {
    if (this.#expecting.kind === 'line') {
      const line = readIdentificationLine(bytes);
      if (line.kind === 'partial') return undefined;
      if (line.kind === 'malformed') return { bytes: 0, step: unverifiable(line.detail) };
      return { bytes: line.bytes, step: afterLine(this.#expecting.seen, line.content.isIdentification) };
    }
    const packet = readPacket(bytes);
    if (packet.kind === 'partial') return undefined;
    if (packet.kind === 'malformed') return { bytes: 0, step: unverifiable(packet.detail) };
    return { bytes: packet.bytes, step: afterPacket(this.#expecting, packet.content.payload, this.#pinned) };
  }
}

function afterLine(seen: number, isIdentification: boolean): Step {
  if (isIdentification) return expect({ kind: 'kexinit' });
  if (seen + 1 > MAX_LINES) return unverifiable(`more than ${MAX_LINES} lines come before SSH-2.0`);
  return expect({ kind: 'line', seen: seen + 1 }, EMPTY);
}

function afterPacket(
  expecting: Exclude<Expecting, { kind: 'line' }>,
  payload: Buffer,
  pinned: Fingerprint,
): Step {
  const message = payload.readUInt8(0);
  if (expecting.kind === 'nothing')
    return unverifiable(`message ${message} follows the end of the connection`);
  if (message === DISCONNECT) return expect({ kind: 'nothing' }, ownDisconnect(payload));
  switch (expecting.kind) {
    case 'kexinit': {
      if (message !== KEXINIT) return unexpected(message, 'the offer of the key exchange');
      const offer = readKexinit(payload);
      if (offer.kind === 'fault') return unverifiable(offer.detail);
      return expect({ kind: 'reply', answers: offer.answers });
    }
    case 'reply':
      if (message !== KEX_REPLY) return unexpected(message, 'the key exchange reply');
      return afterReply(hostKeyOf(payload, expecting.answers), pinned);
    case 'newkeys':
      // Seen up to here because a second reply, with another key, must not get through to a client that would take it.
      return message === NEWKEYS ? { kind: 'match' } : unexpected(message, 'the end of the key exchange');
  }
}

function afterReply(hostKey: Buffer | undefined, pinned: Fingerprint): Step {
  if (hostKey === undefined) return unverifiable('the key exchange reply is malformed');
  const presented = fingerprintOf(hostKey);
  return isSameKey(presented, pinned) ? expect({ kind: 'newkeys' }) : { kind: 'mismatch', presented };
}

function expect(next: Expecting, instead?: Buffer): Step {
  return instead === undefined ? { kind: 'expect', next } : { kind: 'expect', next, instead };
}

function unverifiable(detail: string): Step {
  return { kind: 'unverifiable', detail };
}

function unexpected(message: number, instead: string): Step {
  return unverifiable(`message ${message} comes in place of ${instead}`);
}
