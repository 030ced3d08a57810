// ssh-keygen and ssh-add as judges of our own code: certificates, revocation lists and signatures made and read by OpenSSH.
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Verdict {
  readonly isGood: boolean;
  /** What it said, on either output. */
  readonly said: string;
}

/** Runs ssh-keygen; a failure is a verdict too. `input` is its standard input. */
export async function sshKeygen(args: readonly string[], input?: Buffer): Promise<Verdict> {
  const running = run('ssh-keygen', [...args], { env: { ...process.env, TZ: 'UTC' } });
  running.child.stdin?.on('error', () => undefined);
  running.child.stdin?.end(input);
  try {
    const { stdout, stderr } = await running;
    return { isGood: true, said: stdout + stderr };
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    return { isGood: false, said: stdout + stderr };
  }
}

/** The wire form of the key or certificate in a `.pub` file. */
export async function readPublicBlob(path: string): Promise<Buffer> {
  const [, base64 = ''] = (await readFile(path, 'utf8')).split(' ');
  return Buffer.from(base64, 'base64');
}

/** Writes a key or certificate as a `.pub` file. */
export async function writePublicBlob(path: string, blob: Buffer): Promise<void> {
  const type = blob.toString('latin1', 4, 4 + blob.readUInt32BE(0));
  await writeFile(path, `${type} ${blob.toString('base64')} test\n`);
}

/** Certifies `key.pub` with the authority's key: the wire form, which is also in `key-cert.pub`. `options` are ssh-keygen's. */
export async function certify(authority: string, key: string, options: readonly string[]): Promise<Buffer> {
  const { isGood, said } = await sshKeygen(['-q', '-s', authority, ...options, `${key}.pub`]);
  if (!isGood) throw new Error(`ssh-keygen -s: ${said}`);
  return readPublicBlob(`${key}-cert.pub`);
}

/** Runs ssh-add with the agent behind a socket. `askpass`: a program that says what it would ask a person. @throws Error if it says no */
export async function sshAdd(
  socketPath: string,
  args: readonly string[],
  askpass = '/bin/false',
): Promise<void> {
  const asking = { SSH_ASKPASS_REQUIRE: 'force', SSH_ASKPASS: askpass, DISPLAY: 'none' };
  await run('ssh-add', ['-q', ...args], { env: { ...process.env, SSH_AUTH_SOCK: socketPath, ...asking } });
}
