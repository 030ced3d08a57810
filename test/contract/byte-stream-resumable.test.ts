// The contract of the byte stream, run against both ends of the resumable stream, and the stream whose first byte was seen.
import { ClientEnd } from '#shared/resume/client-end.ts';
import { STUCK_AFTER_MS } from '#shared/resume/limits.ts';
import { SniffedStream } from '#shared/resume/sniffed-stream.ts';
import { ResumableStreamTable } from '#shared/resume/stream-table.ts';
import type { ByteStream } from '#shared/stream/byte-stream.ts';
import { makeWire, PERFECT_WIRE } from '../support/resume/resume-wire.ts';
import { FakeStream } from '../support/stream/fake-stream.ts';
import { farByteStream, farFakeStream } from '../support/stream/far-end.ts';
import { ManualClock } from '../support/time/manual-clock.ts';
import { until } from '../support/time/poll.ts';
import { describeByteStream, type StreamHarness } from './byte-stream-contract.ts';

const WINDOW_MS = 120_000;

describeByteStream(
  'a resumable stream at the client',
  () => openResumable(({ client, agent }) => ({ stream: client, far: farByteStream(agent) })),
  { hasCloseTime: true },
);
describeByteStream(
  'a resumable stream at the agent',
  () => openResumable(({ client, agent }) => ({ stream: agent, far: farByteStream(client) })),
  { hasCloseTime: true },
);
describeByteStream('a stream whose first byte was looked at', openSniffed, { hasCloseTime: false });

async function openResumable(
  choose: (ends: {
    readonly client: ByteStream;
    readonly agent: ByteStream;
  }) => Pick<StreamHarness, 'stream' | 'far'>,
): Promise<StreamHarness> {
  const clock = new ManualClock();
  let agent: ByteStream | undefined;
  const table = new ResumableStreamTable<undefined>({
    clock,
    resumeWindowMs: WINDOW_MS,
    onStream: (stream) => {
      agent = stream;
    },
    onEvent: () => undefined,
  });
  const end = new ClientEnd({
    clock,
    resumeWindowMs: WINDOW_MS,
    random: () => 0.5,
    randomBytes: (count) => Buffer.alloc(count, 5),
    dial: () => {
      const wire = makeWire(clock, PERFECT_WIRE);
      table.accept(wire.agent, { expects: 'resume', info: undefined });
      return Promise.resolve({ kind: 'open', transport: wire.client });
    },
    onStatus: () => undefined,
    onEvent: () => undefined,
    onOver: () => undefined,
  });
  const nudge = (): void => clock.advance(0);
  end.start();
  const opened = await until('it is open', () => {
    nudge();
    return end.state === 'carried' && agent;
  });
  const ends = choose({ client: end.stream, agent: opened });
  return { ...ends, nudge, closeTime: { clock, withinMs: STUCK_AFTER_MS } };
}

function openSniffed(): StreamHarness {
  const inner = new FakeStream();
  const far = farFakeStream(inner);
  const stream = new SniffedStream(inner);
  stream.watch({ first: () => undefined, gone: () => undefined });
  const preface = Buffer.from('S');
  far.send(preface);
  return { stream, far, preface, nudge: far.nudge };
}
