// exit-signal by any name (RFC 4254 section 6.10).
import type { Connection, ServerChannel } from 'ssh2';
import { wireString, wireUint32 } from '#shared/ssh/strings.ts';
import type { ChannelFields } from './fields.ts';
import { MESSAGE } from './inbound.ts';
import { sendMessage } from './outbound.ts';

/**
 * Says that the program of the channel died of a signal; nothing when the channel is closed already. Upstream:
 * Protocol.exitSignal in lib/protocol/Protocol.js throws on names that the RFC does not list, and so also on those with an @
 * that it allows.
 */
export function sendExitSignal(channel: ServerChannel, name: string, coreDumped: boolean): void {
  const { _client, outgoing } = channel as unknown as ChannelFields & { _client: Connection };
  if (outgoing.state !== 'open') return;
  const payload = [
    Buffer.of(MESSAGE.CHANNEL_REQUEST),
    wireUint32(outgoing.id),
    wireString('exit-signal'),
    Buffer.of(0), // wants no reply
    wireString(name),
    Buffer.of(coreDumped ? 1 : 0),
    wireString(''), // the message
    wireString(''), // its language
  ];
  sendMessage(_client, Buffer.concat(payload));
}
