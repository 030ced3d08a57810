// A client's session with an agent that echoes: what is sent must come back, each byte once and in order.
import { createCipheriv, createHash, randomBytes } from 'node:crypto';
import { clientPath } from '#shared/protocol/paths.ts';
import type { Refusal } from '#shared/protocol/refusals.ts';
import { RESUME, STREAM } from '#shared/protocol/subprotocols.ts';
import type { ByteStream, StreamEnd } from '#shared/stream/byte-stream.ts';
import { systemClock } from '#shared/time/clock.ts';
import type { LinkDialOutcome } from '#shared/websocket/dial-link.ts';
import { REDIAL_WAIT_SECONDS, resumeOver } from '../../../services/clients/connection/resuming.ts';
import { openClientStream } from './relay.ts';

const CHUNK_BYTES = 32 * 1024;

export class EchoSession implements Disposable {
  readonly #stream: ByteStream;
  readonly #cipher = createCipheriv('aes-128-ctr', randomBytes(16), Buffer.alloc(16));
  readonly #sentHash = createHash('sha256');
  readonly #gotHash = createHash('sha256');
  /** What a person would have read. */
  readonly lines: string[];
  #sent = 0;
  #got = 0;
  #ended: StreamEnd | undefined;
  #changed: () => void = () => undefined;

  constructor(stream: ByteStream, lines: string[] = []) {
    this.#stream = stream;
    this.lines = lines;
    stream.attach({
      data: (chunk) => {
        this.#gotHash.update(chunk);
        this.#got += chunk.length;
        this.#changed();
      },
      drained: () => {
        this.#changed();
      },
      ended: (end) => {
        this.#ended = end;
        this.#changed();
      },
    });
  }

  get ended(): StreamEnd | undefined {
    return this.#ended;
  }

  get sent(): number {
    return this.#sent;
  }

  get received(): number {
    return this.#got;
  }

  /** Begins as SSH does: an agent tells a plain stream from a resumable one by its first byte. */
  greet(): void {
    this.#send(Buffer.from('SSH-2.0-echo\r\n'));
  }

  /** Sends `bytes` that repeat nowhere and waits until all that was ever sent has come back. @throws Error if it differs */
  async exchange(bytes: number): Promise<void> {
    for (let left = bytes; left > 0; left -= CHUNK_BYTES) {
      const chunk = this.#cipher.update(Buffer.alloc(Math.min(left, CHUNK_BYTES)));
      if (!this.#send(chunk)) await this.#change();
    }
    while (this.#got < this.#sent) await this.#change();
    const [sent, got] = [this.#sentHash.copy().digest('hex'), this.#gotHash.copy().digest('hex')];
    if (sent !== got) throw new Error(`what came back of ${this.#sent} bytes is not what was sent`);
  }

  /** Resolves with how it ended. */
  async end(): Promise<StreamEnd> {
    while (this.#ended === undefined) await this.#next();
    return this.#ended;
  }

  [Symbol.dispose](): void {
    this.#stream.cut({ reason: 'ended' });
  }

  /** The stream owns the chunk from here, and may change it. */
  #send(chunk: Buffer): boolean {
    this.#sentHash.update(chunk);
    this.#sent += chunk.length;
    return this.#stream.write(chunk);
  }

  async #change(): Promise<void> {
    if (this.#ended === undefined) await this.#next();
    if (this.#ended !== undefined) throw new Error(`the session ended: ${JSON.stringify(this.#ended)}`);
  }

  /** One waiter at a time: a session is used by one test in sequence. */
  #next(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#changed = resolve;
    return promise;
  }
}

/** Opens a session that ends with its transport. @throws Error if the relay refuses */
export async function openPlainSession(
  port: number,
  id: string,
  waitSeconds = 0,
  headers: Readonly<Record<string, string>> = {},
): Promise<EchoSession> {
  const outcome = await openClientStream(port, id, { waitSeconds, headers });
  if (outcome.kind !== 'open') throw new Error(`no session with ${id}: ${JSON.stringify(outcome)}`);
  const session = new EchoSession(outcome.stream);
  session.greet();
  return session;
}

/** Opens a session that outlives its transports, as wsproxy does. @throws Error if the relay refuses */
export async function openResumableSession(port: number, id: string, waitSeconds = 0): Promise<EchoSession> {
  const protocols = [RESUME, STREAM];
  const first = await openClientStream(port, id, { protocols, waitSeconds });
  if (first.kind !== 'open') throw new Error(`no session with ${id}: ${JSON.stringify(first)}`);
  const lines: string[] = [];
  const url = new URL(`ws://127.0.0.1:${port}${clientPath(id)}`);
  const { stream } = resumeOver({
    first,
    redial: (signal) => openClientStream(port, id, { protocols, waitSeconds: REDIAL_WAIT_SECONDS, signal }),
    via: { relay: url, proxy: undefined },
    waitMs: waitSeconds * 1_000,
    clock: systemClock,
    random: Math.random,
    notify: (line) => lines.push(line),
  });
  return new EchoSession(stream, lines);
}

/** Asks for a session, and gives the refusal with its status. @throws Error if there is none */
export async function refusalOf(
  outcome: LinkDialOutcome | Promise<LinkDialOutcome>,
): Promise<{ readonly status: number; readonly code: Refusal['code'] | undefined }> {
  const given = await outcome;
  if (given.kind === 'open') given.socket.terminate();
  if (given.kind !== 'refused') throw new Error(`not refused, but ${given.kind}`);
  return { status: given.status, code: given.refusal?.code };
}
