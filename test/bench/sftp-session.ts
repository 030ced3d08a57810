// An sftp of Debian's that is logged in and takes commands.
import { type E2eProcess, prefixed } from '../support/process/started-process.ts';
import { type Sshd, start } from '../support/ssh/sshd.ts';

export class SftpSession {
  readonly #process: E2eProcess;
  #questions = 0;

  constructor(process: E2eProcess) {
    this.#process = process;
  }

  get pid(): number {
    return this.#process.child.pid ?? 0;
  }

  /** Resolves when the command before it is done: the answer to one that nothing else says. */
  async settled(): Promise<void> {
    this.#questions += 1;
    this.#process.child.stdin?.write('pwd\n');
    const lines = Array.from({ length: this.#questions }, () => 'Remote working directory: [^]*?');
    await this.#process.see(new RegExp(lines.join('')));
  }

  /** Runs one command; the result is how long it took, in seconds. */
  async time(command: string): Promise<number> {
    const began = performance.now();
    this.#process.child.stdin?.write(`${command}\n`);
    await this.settled();
    return (performance.now() - began) / 1000;
  }
}

/** `prefix`: what comes before the command. It ends with `stack`. */
export async function openSftp(
  stack: AsyncDisposableStack,
  host: Sshd,
  folder: string,
  prefix: readonly string[] = [],
): Promise<SftpSession> {
  const command = prefixed(prefix, ['sftp', '-q', '-b', '-', ...host.options, host.destination]);
  const sftp = new SftpSession(start(stack, `sftp to ${host.name}`, command, folder));
  await sftp.settled();
  return sftp;
}
