// A page in Debian's Firefox, by WebDriver BiDi: what playwright-core asks of it, an extended support release does not know.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket } from 'ws';

const STARTED = /WebDriver BiDi listening on (ws:\/\/\S+)/;

interface Answer {
  readonly id?: number;
  readonly error?: string;
  readonly message?: string;
  readonly result?: Readonly<Record<string, unknown>>;
}

/** Starts it with an empty profile, at `url`. Its end is the end of Firefox. */
export async function openFirefoxPage(program: string, url: string): Promise<FirefoxPage> {
  const profile = await mkdtemp(join(tmpdir(), 'converge-firefox-'));
  const args = [
    '--headless',
    '--no-remote',
    '--profile',
    profile,
    '--remote-debugging-port',
    '0',
    'about:blank',
  ];
  const firefox = spawn(program, args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, HOME: profile },
  });
  const exited = once(firefox, 'exit');
  const close = async (): Promise<void> => {
    firefox.kill('SIGKILL');
    await exited;
    await rm(profile, { recursive: true, force: true });
  };
  let said = '';
  for await (const text of firefox.stderr.setEncoding('utf8')) {
    said += String(text);
    const [, address] = STARTED.exec(said) ?? [];
    if (address === undefined) continue;
    const socket = new WebSocket(`${address}/session`);
    await once(socket, 'open');
    const page = new FirefoxPage(socket, close);
    await page.begin(url);
    return page;
  }
  await close();
  throw new Error(`Firefox did not start:\n${said}`);
}

export class FirefoxPage implements AsyncDisposable {
  readonly #socket: WebSocket;
  readonly #close: () => Promise<void>;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #context = '';
  #count = 0;

  constructor(socket: WebSocket, close: () => Promise<void>) {
    this.#socket = socket;
    this.#close = close;
    socket.on('message', (data) => {
      const answer = JSON.parse((data as Buffer).toString()) as Answer;
      this.#waiting.get(answer.id ?? -1)?.(answer);
    });
  }

  /** To be called once. */
  async begin(url: string): Promise<void> {
    await this.#ask('session.new', { capabilities: {} });
    const { context } = await this.#ask('browsingContext.create', { type: 'tab' });
    this.#context = String(context);
    await this.#ask('browsingContext.navigate', { context, url, wait: 'complete' });
  }

  /** The value of an expression, if it is a string; as JSON of the protocol if not. */
  async evaluate(expression: string): Promise<string> {
    const target = { context: this.#context };
    const { result, exceptionDetails } = await this.#ask('script.evaluate', {
      expression,
      target,
      awaitPromise: true,
    });
    if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails));
    const { value } = result as { readonly value?: unknown };
    return typeof value === 'string' ? value : JSON.stringify(result);
  }

  /** Types as a person does. */
  async type(text: string): Promise<void> {
    const actions = Array.from(text).flatMap((value) => [
      { type: 'keyDown', value },
      { type: 'keyUp', value },
    ]);
    await this.#ask('input.performActions', {
      context: this.#context,
      actions: [{ type: 'key', id: 'keyboard', actions }],
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.terminate();
    await this.#close();
  }

  async #ask(method: string, params: object): Promise<Readonly<Record<string, unknown>>> {
    this.#count += 1;
    const id = this.#count;
    const { promise, resolve } = Promise.withResolvers<Answer>();
    this.#waiting.set(id, resolve);
    this.#socket.send(JSON.stringify({ id, method, params }));
    const { error, message, result } = await promise;
    this.#waiting.delete(id);
    if (error !== undefined) throw new Error(`${method}: ${error}, ${message}`);
    return result ?? {};
  }
}
