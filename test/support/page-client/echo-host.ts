// ssh2's server as a host: lets anybody in, echoes what a channel brings, and changes its keys when it likes.
import type { Duplex } from 'node:stream';
import ssh2 from 'ssh2';
import { generateHostKey } from '../../../services/agent/ssh/keys/host-key.ts';

export interface EchoHost {
  /** Serves one connection. */
  serve(duplex: Duplex): void;
  /** Connections that failed, for a reason that is the client's. */
  readonly faults: Error[];
}

export interface EchoHostOptions {
  /** In [0, 1), where the host changes its keys now and then. */
  readonly rekeys?: () => number;
  readonly keyboardInteractive?: (answers: readonly string[]) => boolean;
  readonly password?: string;
}

/** ssh2 has the method, its types do not. */
type Rekeyable = ssh2.Connection & { rekey(): void };

/** `exec` of `echo` sends back what comes; of `say N` sends N bytes, which `spokenBytes` gives too. */
export function createEchoHost({ rekeys, keyboardInteractive, password }: EchoHostOptions = {}): EchoHost {
  const faults: Error[] = [];
  const hostKeys = [generateHostKey().privateKey];
  const server = new ssh2.Server({ hostKeys }, (client) => {
    client.on('error', (error) => faults.push(error));
    client.on('authentication', (ctx) => {
      if (keyboardInteractive === undefined && password === undefined) return ctx.accept();
      if (ctx.method === 'password' && ctx.password === password) return ctx.accept();
      if (ctx.method === 'keyboard-interactive' && keyboardInteractive !== undefined) {
        const prompts = [
          { prompt: 'Code: ', echo: true },
          { prompt: 'Secret: ', echo: false },
        ];
        return ctx.prompt(prompts, (answers) =>
          keyboardInteractive(answers) ? ctx.accept() : ctx.reject(WAYS),
        );
      }
      return ctx.reject(WAYS);
    });
    client.on('session', (acceptSession) => {
      const session = acceptSession();
      session.on('exec', (accept, _reject, { command }) => {
        const channel = accept();
        const [word, count] = command.split(' ');
        channel.on('error', () => undefined);
        // ssh2 says how a program ended before it says that there is no more to come.
        const leave = (): void => {
          channel.exit(7);
          channel.end();
        };
        if (word === 'say') {
          channel.write(spokenBytes(Number(count)), leave);
          channel.resume();
        } else {
          channel.pipe(channel, { end: false });
          channel.on('end', leave);
        }
        if (rekeys === undefined) return;
        channel.on('data', () => {
          if (rekeys() < 0.02) (client as Rekeyable).rekey();
        });
      });
    });
  });
  return {
    serve(duplex) {
      server.injectSocket(duplex as Parameters<typeof server.injectSocket>[0]);
    },
    faults,
  };
}

const WAYS: ssh2.AuthenticationType[] = ['keyboard-interactive', 'password'];

/** The same `count` bytes each time. */
export function spokenBytes(count: number): Buffer {
  return Buffer.from(Uint8Array.from({ length: count }, (_none, at) => (at * 7 + (at >> 8)) & 0xff));
}
