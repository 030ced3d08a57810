// exit-signal (RFC 4254 section 6.10) by any name: ssh2 1.17 throws on what the RFC does not list, and so also on the names
// with an @ that it allows. Upstream: Protocol.exitSignal in lib/protocol/Protocol.js would have to let those pass.
import type { ServerChannel } from 'ssh2';
import { wireString } from '../wire.ts';
import { fieldsOfChannel } from './fields.ts';
import { MESSAGE, sendMessage, wireNumber } from './message.ts';

/** Says that the program of the channel died of a signal; nothing when the channel is closed already. */
export function sendExitSignal(channel: ServerChannel, name: string, coreDumped: boolean): void {
  const { _client, outgoing } = fieldsOfChannel(channel);
  if (outgoing.state !== 'open') return;
  const payload = [
    Buffer.of(MESSAGE.CHANNEL_REQUEST),
    wireNumber(outgoing.id),
    wireString('exit-signal'),
    Buffer.of(0), // wants no reply
    wireString(name),
    Buffer.of(coreDumped ? 1 : 0),
    wireString(''), // the message
    wireString(''), // its language
  ];
  sendMessage(_client, Buffer.concat(payload));
}
