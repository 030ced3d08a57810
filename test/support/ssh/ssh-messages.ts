// SSH messages, byte by byte (RFC 4252, 4253 and 4254).
import { sshString } from './ssh-handshake.ts';

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** Numbers are the message type first, then uint32; texts and buffers are strings; booleans a byte. */
export function message(type: number, ...fields: readonly (number | string | boolean | Buffer)[]): Buffer {
  const encoded = fields.map((field) => {
    if (typeof field === 'number') return uint32(field);
    if (typeof field === 'boolean') return Buffer.from([field ? 1 : 0]);
    return sshString(field);
  });
  return Buffer.concat([Buffer.from([type]), ...encoded]);
}

export function openSession(sender: number, window = 1 << 20, packetSize = 1 << 15): Buffer {
  return message(90, 'session', sender, window, packetSize);
}

export function channelRequest(
  id: number,
  name: string,
  wantReply: boolean,
  ...fields: (number | string | Buffer)[]
): Buffer {
  return message(98, id, name, wantReply, ...fields);
}
