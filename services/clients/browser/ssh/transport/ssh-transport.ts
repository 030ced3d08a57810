// The SSH transport (RFC 4253): one connection to a host that has proved its key, on which messages go both ways in secret.
//
//   chunk -> PacketReceiver -> payload -> a key exchange, or whoever is above
//   message -> PacketSender -> packet -> the line
//
// Strict from the first byte, whether or not the host says that it is (OpenSSH PROTOCOL 1.10): until the first NEWKEYS nothing
// but the exchange is taken, no IGNORE either, so nothing can be slipped in before there are keys.
import type { Untrusted } from '#shared/text/untrusted.ts';
import type { Cancel, Clock } from '#shared/time/clock.ts';
import type { DirectionKeys } from '../exchange/exchange-keys.ts';
import type { KexHalf } from '../exchange/kex-methods.ts';
import { FIRST_UPPER_MESSAGE, MESSAGES } from '../wire/messages.ts';
import { SshFault } from '../wire/ssh-fault.ts';
import { SshReader } from '../wire/ssh-reader.ts';
import { SshWriter } from '../wire/ssh-writer.ts';
import { ClientKeyExchange, type ExchangeStep, type NewKeys } from './client-key-exchange.ts';
import { CLIENT_LINE } from './identification.ts';
import { PacketCipher } from './packet-cipher.ts';
import type { PacketLine } from './packet-line.ts';
import { PacketReceiver } from './packet-receiver.ts';
import { PacketSender } from './packet-sender.ts';

/** New keys after this much either way, in bytes, or this long, in milliseconds (RFC 4253 section 9). */
export const REKEY_AFTER_BYTES = 1024 ** 3;
export const REKEY_AFTER_MS = 60 * 60 * 1_000;

/** From the start to the first keys, and for each later exchange, in milliseconds; what a person takes does not count. */
export const EXCHANGE_WITHIN_MS = 30_000;

/** Messages that wait for the end of a key exchange: data waits elsewhere, so these are answers and little else. */
export const MAX_HELD_MESSAGES = 4_096;
/**
 * The same, of their bytes: answers are as long as the host's questions, which it may go on asking until it takes part in the
 * exchange (RFC 4253 section 7.1). All channels at once may hand in a packet each when one begins, which is half of it.
 */
export const MAX_HELD_BYTES = 4 * 1024 * 1024;

/**
 * What a host may make this end say while it takes nothing, in bytes: answers to its questions. What somebody here writes waits for
 * `ready`; all channels at once may write a packet each before it is full again.
 */
export const MAX_PRESSED_BYTES = 8 * 1024 * 1024;

/** Why a DISCONNECT came: whoever sent it was done (RFC 4253 section 11.1). */
const BY_APPLICATION = 11;
/** Of a DISCONNECT, in bytes. */
const MAX_REASON_BYTES = 1_024;

/** Who is above: authentication first, then channels. */
export interface UpperLayer {
  /** A message from 50 on, or SERVICE_ACCEPT, or EXT_INFO. The next one waits for the promise. May throw a fault. */
  message(payload: Uint8Array): Promise<void> | undefined;
  /** The last call. */
  over(fault: SshFault): void;
}

export interface SshTransportOptions {
  readonly line: PacketLine;
  readonly clock: Clock;
  /** See `ClientKeyExchangeOptions`. */
  readonly checkHost: (hostKey: Uint8Array) => Promise<void>;
  /** The first keys are in use. */
  readonly onProved: (host: NewKeys) => void;
  /** See `ClientKeyExchangeOptions`: it can be made while there is no line yet. */
  readonly firstHalf?: Promise<KexHalf>;
  readonly rekeyAfterBytes?: number;
  readonly rekeyAfterMs?: number;
}

/** Messages that wait for the end of a key exchange. */
interface HeldMessages {
  readonly payloads: Uint8Array[];
  bytes: number;
}

/** Whether messages may go out now. */
type Keying =
  /** `held`: what waits for its end. */
  | { readonly kind: 'exchanging'; readonly exchange: ClientKeyExchange; readonly held: HeldMessages }
  | { readonly kind: 'keyed' }
  | { readonly kind: 'over'; readonly fault: SshFault };

export class SshTransport {
  readonly #options: SshTransportOptions;
  readonly #sender: PacketSender;
  readonly #receiver: PacketReceiver;
  #upper: UpperLayer | undefined;
  #keying: Keying | undefined;
  #hostLine = '';
  #host: NewKeys | undefined;
  #pending: NewKeys | undefined;
  #cancelRekey: Cancel = () => undefined;
  #cancelPatience: Cancel = () => undefined;
  readonly #waiting: (() => void)[] = [];
  /** Whoever signed people in has heard the yes: from then on until `handOver`. */
  #handedOver: PromiseWithResolvers<void> | undefined;

  constructor(options: SshTransportOptions) {
    const { line } = options;
    this.#options = options;
    this.#sender = new PacketSender(line);
    this.#receiver = new PacketReceiver({
      hostLine: (hostLine) => {
        this.#hostLine = hostLine;
      },
      payload: (payload) => this.#receive(payload),
      fault: (fault) => this.#end(fault),
      pause: () => line.pause(),
      resume: () => line.resume(),
    });
  }

  /** Of the first exchange: what authentication signs. Throws before that. */
  get sessionId(): Uint8Array {
    if (this.#host === undefined) throw new SshFault('out_of_place', 'there are no keys yet');
    return this.#host.sessionId;
  }

  /** Starts, and waits for no word of the host; messages go to `upper`. Called once. */
  start(upper: UpperLayer): void {
    this.#upper = upper;
    const { line } = this.#options;
    line.attach({
      data: (chunk) => this.#receiver.push(chunk),
      drained: () => this.#sender.drained(),
      ended: (sentence) => void this.#ended(sentence),
    });
    line.write(new TextEncoder().encode(`${CLIENT_LINE}\r\n`), false);
    // What ended meanwhile sends nothing.
    if (this.#keying === undefined) this.#exchange();
  }

  /** From the next message on they go to another. Behind USERAUTH_SUCCESS none is given to anybody before. */
  handOver(upper: UpperLayer): void {
    this.#upper = upper;
    this.#handedOver?.resolve();
    this.#handedOver = undefined;
    if (this.#keying?.kind === 'over') upper.over(this.#keying.fault);
  }

  /** Sends a message, during a key exchange after it. */
  send(payload: Uint8Array): void {
    const keying = this.#keying;
    if (keying?.kind === 'keyed') {
      this.#sender.send(payload);
      if (this.#sender.pressedBytes > MAX_PRESSED_BYTES)
        return this.#end(new SshFault('too_big', 'the host asks, and does not take the answers'));
      this.#rekeyIfDue();
    } else if (keying?.kind === 'exchanging') {
      const { held } = keying;
      if (held.payloads.length >= MAX_HELD_MESSAGES || held.bytes + payload.length > MAX_HELD_BYTES) {
        return this.#end(new SshFault('too_big', 'too much waits for the end of a key exchange'));
      }
      held.payloads.push(payload);
      held.bytes += payload.length;
    }
  }

  /** Resolves when a message that is sent now goes out soon, or when all is over. */
  async ready(): Promise<void> {
    while (this.#keying?.kind === 'exchanging')
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    await this.#sender.ready();
  }

  get isReady(): boolean {
    return this.#keying?.kind !== 'exchanging' && this.#sender.isReady;
  }

  /** Changes the keys now, unless that is under way. */
  rekey(): void {
    if (this.#keying?.kind === 'keyed') this.#exchange();
  }

  /** Says goodbye and ends. May be called twice. */
  close(sentence: string): void {
    if (this.#keying?.kind === 'over') return;
    const goodbye = new SshWriter(MESSAGES.disconnect).uint32(BY_APPLICATION).string(sentence).string('');
    const isKeyed = this.#keying?.kind === 'keyed';
    if (isKeyed) this.#sender.send(goodbye.bytes());
    this.#leave(new SshFault('closed', sentence), isKeyed ? 'close' : 'cut');
  }

  #exchange(): void {
    const { checkHost, firstHalf } = this.#options;
    const held: HeldMessages = { payloads: [], bytes: 0 };
    this.#cancelRekey();
    this.#limitPatience();
    const exchange = new ClientKeyExchange({
      clientLine: CLIENT_LINE,
      hostLine: () => this.#hostLine,
      proved: this.#host,
      send: (payload) => this.#sender.send(payload),
      checkHost: async (hostKey) => {
        this.#cancelPatience();
        await checkHost(hostKey);
        this.#limitPatience();
      },
      firstHalf,
    });
    this.#keying = { kind: 'exchanging', exchange, held };
  }

  #receive(payload: Uint8Array): Promise<void> | undefined {
    const message = payload[0] ?? 0;
    if (message === MESSAGES.disconnect) throw disconnected(payload);
    const isFirst = this.#host === undefined;
    if (message >= MESSAGES.kexInit && message < FIRST_UPPER_MESSAGE)
      return this.#receiveExchange(message, payload);
    if (isFirst) throw new SshFault('out_of_place', `message ${message} before there are keys`);
    const keying = this.#keying;
    const isUpper = message >= FIRST_UPPER_MESSAGE || message === MESSAGES.serviceAccept;
    if (isUpper && keying?.kind === 'exchanging' && keying.exchange.isAnswered) {
      throw new SshFault('out_of_place', `message ${message} within a key exchange`);
    }
    switch (message) {
      case MESSAGES.ignore:
      case MESSAGES.debug:
        return undefined;
      case MESSAGES.unimplemented:
      case MESSAGES.extInfo:
      case MESSAGES.serviceAccept:
        return this.#upper?.message(payload);
      case MESSAGES.userauthSuccess:
        this.#handedOver = Promise.withResolvers();
        return this.#upper?.message(payload) ?? this.#handedOver.promise;
      default:
        if (!isUpper) throw new SshFault('out_of_place', `message ${message}, which nobody expects`);
        return this.#upper?.message(payload);
    }
  }

  #receiveExchange(message: number, payload: Uint8Array): Promise<void> {
    if (message === MESSAGES.kexInit && this.#keying?.kind === 'keyed') this.#exchange();
    const keying = this.#keying;
    if (keying?.kind !== 'exchanging')
      throw new SshFault('out_of_place', `message ${message} without an exchange`);
    return keying.exchange.receive(payload).then((step) => this.#step(step, keying.held));
  }

  async #step(step: ExchangeStep, held: HeldMessages): Promise<void> {
    // Somebody closed meanwhile.
    if (this.#keying?.kind === 'over') return;
    switch (step.kind) {
      case 'shared':
        return this.#receiver.expectNewKeys();
      case 'proved': {
        const toHost = await cipherOf(step.keys.toHost, 'encrypt');
        this.#sender.send(Uint8Array.of(MESSAGES.newKeys));
        this.#sender.changeKeys(toHost);
        this.#pending = step;
        return;
      }
      case 'over': {
        const pending = this.#pending;
        if (pending === undefined) return;
        this.#receiver.changeKeys(await cipherOf(pending.keys.fromHost, 'decrypt'));
        this.#keyed(pending, held);
      }
    }
  }

  #keyed(keys: NewKeys, { payloads }: HeldMessages): void {
    const { clock, onProved, rekeyAfterMs = REKEY_AFTER_MS } = this.#options;
    if (this.#keying?.kind === 'over') return;
    const isFirst = this.#host === undefined;
    this.#host = keys;
    this.#pending = undefined;
    this.#keying = { kind: 'keyed' };
    this.#cancelPatience();
    this.#cancelRekey = clock.after(rekeyAfterMs, () => this.rekey());
    for (const payload of payloads) this.#sender.send(payload);
    this.#wake();
    if (isFirst) onProved(keys);
  }

  #rekeyIfDue(): void {
    const { rekeyAfterBytes = REKEY_AFTER_BYTES } = this.#options;
    if (this.#sender.sentBytes >= rekeyAfterBytes || this.#receiver.receivedBytes >= rekeyAfterBytes)
      this.rekey();
  }

  #limitPatience(): void {
    this.#cancelPatience();
    this.#cancelPatience = this.#options.clock.after(EXCHANGE_WITHIN_MS, () =>
      this.#end(new SshFault('lost', 'the host did not finish the key exchange in time')),
    );
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #end(fault: SshFault): void {
    this.#leave(fault, 'cut');
  }

  /** What came before the end is still being opened, and may say why. */
  async #ended(sentence: string): Promise<void> {
    if (this.#keying?.kind === 'keyed') await this.#receiver.settled();
    this.#end(new SshFault('lost', sentence));
  }

  #leave(fault: SshFault, how: 'close' | 'cut'): void {
    if (this.#keying?.kind === 'over') return;
    this.#keying = { kind: 'over', fault };
    this.#cancelRekey();
    this.#cancelPatience();
    this.#receiver.stop();
    const { line } = this.#options;
    if (how === 'cut') {
      this.#sender.stop();
      line.cut();
    } else {
      this.#sender.flushed().then(
        () => line.close(),
        () => line.cut(),
      );
    }
    this.#wake();
    this.#upper?.over(fault);
  }
}

/** The browser has the key from here on, where no script can read it; nor is it left here. */
async function cipherOf(keys: DirectionKeys, use: 'encrypt' | 'decrypt'): Promise<PacketCipher> {
  const cipher = await PacketCipher.create(keys, use);
  keys.key.fill(0);
  return cipher;
}

function disconnected(payload: Uint8Array): SshFault {
  const reader = new SshReader(payload, 1);
  const code = reader.uint32() === BY_APPLICATION ? 'disconnected' : 'turned_out';
  const said: Untrusted = reader.text(MAX_REASON_BYTES);
  return new SshFault(code, `the host ended the connection: ${said.printable()}`, said);
}
