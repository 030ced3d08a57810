// Inbound messages: a look at a payload before ssh2 has it, by the type of the message.
import type { Connection } from 'ssh2';
import { type PayloadSink, protocolOf } from './fields.ts';
import { MESSAGE } from './message.ts';

/** Gets the payload and the way on to ssh2, whose result it returns if it goes that way. */
export type MessageHandler = (payload: Buffer, pass: () => unknown) => unknown;

/** The number of the last packet that came, for UNIMPLEMENTED. */
export type PacketNumber = () => number;

/**
 * To be called once, when ssh2 emits `connection`: its KEXINIT has not been sent then, and no packet has come. `handlers`
 * see the messages of their type, of which those of the first key exchange reach the KEXINIT handler alone, as ssh2 refuses
 * all others there. `unknown` sees what ssh2 would leave without an answer.
 */
export function watchInbound(
  connection: Connection,
  handlers: ReadonlyMap<number, MessageHandler>,
  unknown: (payload: Buffer, number: PacketNumber) => void,
): void {
  const protocol = protocolOf(connection);
  // By type, so that channel data pays for one look only.
  const table: (MessageHandler | undefined)[] = Array.from({ length: 256 }, (_, type) => {
    const handler = handlers.get(type);
    if (handler !== undefined || KNOWN_TYPES.has(type)) return handler;
    return (payload) => unknown(payload, () => (protocol._decipher.inSeqno - 1) >>> 0);
  });
  const kexHandler = handlers.get(MESSAGE.KEXINIT);
  const plain = protocol._decipher;
  const duringFirstExchange = plain._onPayload;
  plain._onPayload = (payload) =>
    kexHandler === undefined || payload[0] !== MESSAGE.KEXINIT
      ? duringFirstExchange(payload)
      : kexHandler(payload, () => duringFirstExchange(payload));
  const afterwards: PayloadSink = protocol._onPayload;
  protocol._onPayload = (payload) => {
    const handler = table[payload[0] ?? 0];
    return handler === undefined ? afterwards(payload) : handler(payload, () => afterwards(payload));
  };
}

/** Those of lib/protocol/handlers.misc.js and kex.js; 0 stands for an empty payload, which ssh2 passes over. */
const KNOWN_TYPES: ReadonlySet<number> = new Set([
  0, 1, 2, 3, 4, 5, 6, 7, 20, 50, 51, 52, 53, 60, 61, 80, 81, 82, 90, 91, 92, 93, 94, 95, 96, 97, 98, 99, 100,
]);
