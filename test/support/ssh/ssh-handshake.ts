// The start of an SSH server's side of a connection, built byte by byte (RFC 4253), for tests of what watches it.

/** `uint32 length, bytes`. */
export function sshString(bytes: Buffer | string): Buffer {
  const body = Buffer.from(bytes);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  return Buffer.concat([length, body]);
}

/** An unencrypted binary packet; `paddingBytes` and `lengthField` break it on purpose. */
export function sshPacket(
  payload: Buffer,
  broken: { paddingBytes?: number; lengthField?: number } = {},
): Buffer {
  const least = 4;
  const paddingBytes = broken.paddingBytes ?? least + ((8 - ((5 + payload.length + least) % 8)) % 8);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(broken.lengthField ?? 1 + payload.length + paddingBytes);
  head.writeUInt8(paddingBytes, 4);
  return Buffer.concat([head, payload, Buffer.alloc(paddingBytes, 0xaa)]);
}

export interface KexinitOptions {
  readonly methods?: string;
  /** The algorithms of the host keys. */
  readonly hostKeys?: string;
  readonly guess?: boolean;
  /** For both directions. */
  readonly ciphers?: string;
}

export function kexinitPayload({
  methods = 'curve25519-sha256',
  hostKeys = 'ssh-ed25519',
  guess = false,
  ciphers = 'aes128-ctr',
}: KexinitOptions = {}): Buffer {
  const lists = [
    methods,
    hostKeys,
    ciphers,
    ciphers,
    'hmac-sha2-256',
    'hmac-sha2-256',
    'none',
    'none',
    '',
    '',
  ];
  return Buffer.concat([
    Buffer.from([20]),
    Buffer.alloc(16, 0x5a),
    ...lists.map((list) => sshString(list)),
    Buffer.from([guess ? 1 : 0]),
    Buffer.alloc(4),
  ]);
}

/** `answerBytes` is how long the server's part of the secret is: as in curve25519-sha256. */
export function replyPayload(hostKey: Buffer, answerBytes = 32): Buffer {
  return Buffer.concat([
    Buffer.from([31]),
    sshString(hostKey),
    sshString(Buffer.alloc(answerBytes, 0x11)),
    sshString(Buffer.concat([sshString('ssh-ed25519'), sshString(Buffer.alloc(64, 0x22))])),
  ]);
}

/** The blob of an Ed25519 host key made of `seed`. */
export function hostKeyBlob(seed: number): Buffer {
  return Buffer.concat([sshString('ssh-ed25519'), sshString(Buffer.alloc(32, seed))]);
}

export const IDENTIFICATION = Buffer.from('SSH-2.0-test_1\r\n');
export const NEWKEYS_PACKET = sshPacket(Buffer.from([21]));
