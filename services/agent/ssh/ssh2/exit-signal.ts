// exit-signal (RFC 4254 section 6.10) by any name: ssh2 1.17 throws on what the RFC does not list, and so also on the names
// with an @ that it allows. Upstream: Protocol.exitSignal in lib/protocol/Protocol.js would have to let those pass.
import type { ServerChannel } from 'ssh2';
import { wireString } from '../wire.ts';

const CHANNEL_REQUEST = 98;
const REQUEST = 'exit-signal';

interface Protocol {
  readonly _cipher: { encrypt(packet: Buffer): void };
  /** Set while keys are exchanged: packets wait in the queue for the new ones. */
  readonly _kexinit: unknown;
  _queue: Buffer[] | undefined;
  readonly _packetRW: {
    readonly write: {
      /** Where the payload begins in what `alloc` gives. */
      readonly allocStart: number;
      alloc(payloadBytes: number): Buffer;
      finalize(packet: Buffer): Buffer;
    };
  };
}

interface ChannelFields {
  readonly _client: { readonly _protocol: Protocol };
  readonly outgoing: { readonly id: number; readonly state: string };
}

/** Says that the program of the channel died of a signal; nothing when the channel is closed already. */
export function sendExitSignal(channel: ServerChannel, name: string, coreDumped: boolean): void {
  const { _client, outgoing } = channel as unknown as ChannelFields;
  if (outgoing.state !== 'open') return;
  const recipient = Buffer.alloc(4);
  recipient.writeUInt32BE(outgoing.id);
  const payload = Buffer.concat([
    Buffer.of(CHANNEL_REQUEST),
    recipient,
    wireString(REQUEST),
    Buffer.of(0), // wants no reply
    wireString(name),
    Buffer.of(coreDumped ? 1 : 0),
    wireString(''), // the message
    wireString(''), // its language
  ]);
  send(_client._protocol, payload);
}

/** As `sendPacket` in lib/protocol/utils.js. */
function send(protocol: Protocol, payload: Buffer): void {
  const writer = protocol._packetRW.write;
  const start = writer.allocStart;
  const packet = writer.alloc(payload.length);
  payload.copy(packet, start);
  const finished = writer.finalize(packet);
  if (protocol._kexinit === undefined) protocol._cipher.encrypt(finished);
  else (protocol._queue ??= []).push(finished);
}
