// Files of `ssh-keygen -Y`: an SSHSIG with its key in armour (OpenSSH's PROTOCOL.sshsig).
import { WireReader, wireString, wireUint32 } from '../../../services/shared/ssh/strings.ts';

const MAGIC = Buffer.from('SSHSIG');
const BEGIN = '-----BEGIN SSH SIGNATURE-----';
const END = '-----END SSH SIGNATURE-----';

/** What is in such a file and counts here. */
export interface SshsigFile {
  /** The key or certificate that signed. */
  readonly blob: Buffer;
  readonly namespace: string;
  /** SSH's signature blob. */
  readonly signature: Buffer;
}

export function writeSshsig({ blob, namespace, signature }: SshsigFile): string {
  const fields = [blob, namespace, '', 'sha512', signature].map(wireString);
  const base64 = Buffer.concat([MAGIC, wireUint32(1), ...fields]).toString('base64');
  return [BEGIN, ...(base64.match(/.{1,70}/g) ?? []), END, ''].join('\n');
}

export function readSshsig(text: string): SshsigFile {
  const base64 = text.replaceAll(/-----.*-----/g, '');
  const reader = new WireReader(Buffer.from(base64, 'base64').subarray(MAGIC.length + 4));
  const [blob, namespace, , , signature] = Array.from(
    { length: 5 },
    () => reader.string() ?? Buffer.alloc(0),
  );
  if (blob === undefined || namespace === undefined || signature === undefined) throw new Error('no SSHSIG');
  return { blob, namespace: namespace.toString(), signature };
}
