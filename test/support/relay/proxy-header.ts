// Headers of the PROXY protocol, right and wrong, as a balancer or a stranger sends them.

/** A header of version 2. */
export function proxyV2(versionAndCommand: number, familyAndTransport: number, payload: Buffer): Buffer {
  const fixed = Buffer.from('\r\n\r\n\0\r\nQUIT\n\0\0\0\0', 'latin1');
  fixed[12] = versionAndCommand;
  fixed[13] = familyAndTransport;
  fixed.writeUInt16BE(payload.length, 14);
  return Buffer.concat([fixed, payload]);
}
