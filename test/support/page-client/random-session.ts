// A random session of a page: windows, keys, channels and losses of its transport are chance, and every byte is compared.
import { parseJobUrl } from '../../../services/clients/browser/connection/job-url.ts';
import type { PageStream } from '../../../services/clients/browser/connection/page-dial.ts';
import { ResumedLine } from '../../../services/clients/browser/connection/resumed-line.ts';
import type { Channel } from '../../../services/clients/browser/ssh/channels/channel.ts';
import { openSession } from '../../../services/clients/browser/ssh/channels/session.ts';
import { ResumableStreamTable } from '../../../services/shared/resume/stream-table.ts';
import type { ByteStream } from '../../../services/shared/stream/byte-stream.ts';
import { duplexOf } from '../../../services/shared/stream/duplex.ts';
import { type Clock, systemClock } from '../../../services/shared/time/clock.ts';
import { randomFrom } from '../chance/seeded-random.ts';
import { makeWire, type WireEnd } from '../resume/resume-wire.ts';
import { createEchoHost, spokenBytes } from './echo-host.ts';
import { type PageSession, startPageSession } from './page-session.ts';

/** What a session was, for those who want to know that chance had its share. */
export interface PlayedSession {
  readonly transports: number;
  readonly exchanges: number;
  readonly bytes: number;
}

/** Waits between dials pass sooner: a session that is cut ten times takes no minute. */
const HASTE = 20;
const hastyClock: Clock = {
  now: () => systemClock.now() * HASTE,
  wallTime: () => systemClock.wallTime(),
  after: (ms, callback) => systemClock.after(ms / HASTE, callback),
};

/** Of wires: what has no delay comes in the next turn, not in the next millisecond. */
const wireClock: Clock = {
  ...systemClock,
  after(ms, callback) {
    if (ms > 0) return systemClock.after(ms, callback);
    const immediate = setImmediate(callback);
    return () => clearImmediate(immediate);
  },
};

/** Plays the session of this seed to its end. Rejects if a byte, an end or an exit code is not what it should be. */
export async function playRandomSession(seed: number): Promise<PlayedSession> {
  const random = randomFrom(seed);
  const below = (bound: number): number => Math.floor(random() * bound);
  const host = createEchoHost(random() < 0.3 ? { rekeys: randomFrom(seed + 1) } : {});
  const table = new ResumableStreamTable<undefined>({
    clock: hastyClock,
    resumeWindowMs: 120_000,
    onStream: (stream) => host.serve(duplexOf(withWholeLine(stream))),
    onEvent: () => undefined,
  });
  let transports = 0;
  const cuts = Array.from({ length: below(5) }, () => 1 + below(60_000));
  const dial = (): PageStream => {
    transports += 1;
    const bytes = cuts.shift();
    const towards = random() < 0.5 ? 'agent' : 'client';
    // Slow, or in crumbs: not both, or a session takes a minute.
    const delayMs = random() < 0.8 ? 0 : below(3);
    const wire = makeWire(wireClock, {
      seed: seed + transports,
      chunkBytes: (delayMs === 0 ? 20 : 2_000) + below(70_000),
      delayMs,
      highWaterBytes: 1_000 + below(100_000),
      failure: 'cut',
      ...(bytes === undefined ? {} : { failAfter: { towards, bytes } }),
    });
    table.accept(wire.agent, { expects: 'resume', info: undefined });
    return movingStream(wire.client);
  };
  const target = parseJobUrl('ws://relay.example/client/abc');
  if (target === undefined) throw new Error('this is a URL');
  const line = new ResumedLine({
    target,
    first: dial(),
    clock: hastyClock,
    random,
    onEvent: () => undefined,
    dial: async () => (random() < 0.2 ? { kind: 'silent' } : { kind: 'open', stream: dial() }),
  });
  const exchanges = { count: 1 };
  const windowBytes = random() < 0.3 ? 1 + below(300) : 1 + below(300_000);
  const page = await startPageSession(line, {
    windowBytes,
    ...(random() < 0.5 ? {} : { rekeyAfterBytes: 3_000 + below(200_000) }),
  });
  const rekey = page.transport.rekey.bind(page.transport);
  page.transport.rekey = () => {
    exchanges.count += 1;
    rekey();
  };
  const sizes = Array.from({ length: 1 + below(4) }, () =>
    random() < 0.3 ? below(50) : below(Math.min(80_000, windowBytes * 50)),
  );
  const moved = await Promise.all(
    sizes.map((size) => (random() < 0.7 ? echo(page, size, random) : hear(page, size))),
  );
  if (random() < 0.2) page.transport.rekey();
  await page.connection.ask();
  page.transport.close('done');
  await page.over;
  return { transports, exchanges: exchanges.count, bytes: moved.reduce((sum, bytes) => sum + bytes, 0) };
}

async function echo(page: PageSession, size: number, random: () => number): Promise<number> {
  const bytes = spokenBytes(size).map((byte) => byte ^ 0x55);
  const channel = await exec(page, 'echo');
  const writing = async (): Promise<void> => {
    for (let at = 0; at < size; ) {
      const count = 1 + Math.floor(random() * 50_000);
      await channel.write(bytes.subarray(at, at + count));
      at += count;
    }
    channel.sendEof();
  };
  const [heard] = await Promise.all([readAll(channel), writing()]);
  return await compared(channel, heard, Buffer.from(bytes));
}

async function hear(page: PageSession, size: number): Promise<number> {
  const channel = await exec(page, `say ${size}`);
  return await compared(channel, await readAll(channel), spokenBytes(size));
}

async function exec(page: PageSession, command: string): Promise<Channel> {
  const opened = await openSession(page.connection, { run: { kind: 'exec', command } });
  if (opened.kind === 'open') return opened.channel;
  throw new Error(`refused: ${opened.reason.printable()}`);
}

async function readAll(channel: Channel): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for (let piece = await channel.read(); piece !== undefined; piece = await channel.read())
    pieces.push(piece.bytes);
  return Buffer.concat(pieces);
}

async function compared(channel: Channel, heard: Buffer, said: Buffer): Promise<number> {
  if (!heard.equals(said))
    throw new Error(`${heard.length} bytes came, ${said.length} were sent, and differ`);
  await channel.closed;
  const { programEnd } = channel;
  if (programEnd.kind !== 'exited' || programEnd.exitCode !== 7) throw new Error('an end that is another');
  return said.length;
}

function movingStream(end: WireEnd): PageStream {
  return Object.assign(end, { movedBytes: 0 });
}

/** Hands the client's identification on in one piece: ssh2 forgets the middle one of three (`parseHeader`, 1.17.0). */
function withWholeLine(stream: ByteStream): ByteStream {
  let line: Buffer | undefined = Buffer.alloc(0);
  return {
    attach(sink) {
      stream.attach({
        data(chunk) {
          if (line === undefined) return sink.data(chunk);
          line = Buffer.concat([line, chunk]);
          if (!line.includes('\n')) return;
          const whole = line;
          line = undefined;
          sink.data(whole);
        },
        drained: () => sink.drained(),
        ended: (end) => sink.ended(end),
      });
    },
    write: (chunk) => stream.write(chunk),
    pause: () => stream.pause(),
    resume: () => stream.resume(),
    close: (end) => stream.close(end),
    cut: (end) => stream.cut(end),
  };
}
