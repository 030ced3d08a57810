// node-pty's addon for Windows as a test has it: its pipes are unix sockets, its programs what the test says.
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConptyAddon } from '../../../services/agent/platform/windows/conpty-addon.ts';

/** What the agent has asked the addon for, and the console that it got. */
export class FakeConpty {
  readonly addon: ConptyAddon;
  readonly asked: { readonly name: string; readonly words: readonly unknown[] }[] = [];
  /** What came to the console from a person. */
  typed = '';
  /** Tells the agent that the program has ended. */
  exit: (code: number) => void = () => undefined;
  /** Thrown in place of what the function of that name does. */
  faults: Readonly<Record<string, string>> = {};
  readonly #folder = mkdtempSync(join(tmpdir(), 'converge-conpty-'));
  readonly #servers: Server[] = [];
  #screen: Promise<Socket> | undefined;
  #keys: Promise<Socket> | undefined;

  constructor() {
    this.addon = {
      startProcess: (...words) => {
        this.#ask('startProcess', words);
        const [conin, conout] = [join(this.#folder, 'in'), join(this.#folder, 'out')];
        this.#keys = this.#listen(conin).then((socket) =>
          socket.setEncoding('utf8').on('data', (text) => {
            this.typed += text;
          }),
        );
        this.#screen = this.#listen(conout);
        return { pty: 7, conin, conout };
      },
      connect: (...words) => {
        this.#ask('connect', words.slice(0, -1));
        this.exit = words[4];
        return { pid: 4_242 };
      },
      resize: (...words) => this.#ask('resize', words),
    };
  }

  /** Draws, and waits until that is on its way. */
  async draw(bytes: string | Buffer): Promise<void> {
    const screen = await this.#screen;
    await new Promise<void>((resolve, reject) =>
      screen?.write(bytes, (error) => (error ? reject(error) : resolve())),
    );
  }

  /** The console goes, as it does when its last program has left. */
  async vanish(): Promise<void> {
    (await this.#screen)?.destroy();
    (await this.#keys)?.destroy();
  }

  /** Resolves when the agent has let go of both pipes. */
  async released(): Promise<void> {
    const sockets = [await this.#screen, await this.#keys];
    for (const socket of sockets) if (socket?.closed === false) await once(socket, 'close');
  }

  [Symbol.dispose](): void {
    for (const server of this.#servers) server.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #ask(name: string, words: readonly unknown[]): void {
    this.asked.push({ name, words });
    const fault = this.faults[name];
    if (fault !== undefined) throw new Error(fault);
  }

  async #listen(path: string): Promise<Socket> {
    const server = createServer().listen(path);
    this.#servers.push(server);
    const [socket] = (await once(server, 'connection')) as [Socket];
    socket.on('error', () => undefined);
    return socket;
  }
}
