// The contract of the byte stream, run against each implementation, the wrappers, and what stands in for one in tests.
import { PassThrough } from 'node:stream';
import { duplexOf } from '#shared/stream/duplex.ts';
import { joinStreams } from '#shared/stream/join.ts';
import { fromNodeStreams } from '#shared/stream/node-stream.ts';
import { ratedStream } from '#shared/stream/rated-stream.ts';
import { TokenBucket } from '#shared/time/token-bucket.ts';
import { frameStream } from '#shared/websocket/frame-stream.ts';
import { CLOSE_WITHIN_MS } from '#shared/websocket/keepalive.ts';
import type { Mask } from '#shared/websocket/mask-choice.ts';
import { pinHostKey } from '../../services/clients/host-key/pin.ts';
import { fingerprintOf } from '../../services/shared/ssh/fingerprint.ts';
import { makeWire, PERFECT_WIRE } from '../support/resume/resume-wire.ts';
import {
  hostKeyBlob,
  IDENTIFICATION,
  kexinitPayload,
  NEWKEYS_PACKET,
  replyPayload,
  sshPacket,
} from '../support/ssh/ssh-handshake.ts';
import { FakeStream } from '../support/stream/fake-stream.ts';
import { farByteStream, farFakeStream, farNodeStreams, farWebSocket } from '../support/stream/far-end.ts';
import { messageStream } from '../support/stream/message-stream.ts';
import { openSockets, wsClientOver, wsServerOver } from '../support/stream/socket-pair.ts';
import { openPair } from '../support/stream/stream-pair.ts';
import { ManualClock } from '../support/time/manual-clock.ts';
import { describeByteStream, type StreamHarness } from './byte-stream-contract.ts';

const TIMED = { hasCloseTime: true };
const UNTIMED = { hasCloseTime: false };

describeByteStream('frames, where it was dialled', () => openFrames('server'), TIMED);
describeByteStream('frames, where it dialled', () => openFrames('client'), TIMED);
describeByteStream('frames under random masks', () => openFrames('client', 'random'), TIMED);
describeByteStream('a socket', openSocket, TIMED);
describeByteStream('a pair of pipes', openPipes, TIMED);
describeByteStream('a pinned stream, once its host is known', openPinned, UNTIMED);
describeByteStream('a stream, as a duplex, as a stream', openDuplex, TIMED);
describeByteStream('two wires with a join between', openJoined, UNTIMED);
describeByteStream('a rated stream that is never too fast', () => openRated(1e12), UNTIMED);
describeByteStream('a rated stream that is held back at every write', () => openRated(1_000), UNTIMED);
describeByteStream('the fake stream of tests', openFake, UNTIMED);
describeByteStream('the wire of tests', openWire, UNTIMED);
describeByteStream('messages of ws, for far ends of tests', openMessages, UNTIMED);

async function openFrames(role: 'server' | 'client', mask?: Mask): Promise<StreamHarness> {
  const sockets = await openSockets();
  const clock = new ManualClock();
  const peer = role === 'server' ? await wsClientOver(sockets) : await wsServerOver(sockets);
  const isClient = role === 'client';
  const stream = frameStream({ socket: sockets.near, head: Buffer.alloc(0), isClient, mask, clock });
  return {
    stream,
    far: farWebSocket(peer),
    closeTime: { clock, withinMs: CLOSE_WITHIN_MS },
    stop: () => peer.terminate(),
  };
}

async function openSocket(): Promise<StreamHarness> {
  const { near, far } = await openSockets();
  const clock = new ManualClock();
  const stream = fromNodeStreams(near, near, { clock, closeWithinMs: CLOSE_WITHIN_MS });
  return { stream, far: farNodeStreams(far, far), closeTime: { clock, withinMs: CLOSE_WITHIN_MS } };
}

function openPipes(): StreamHarness {
  const input = new PassThrough();
  const output = new PassThrough();
  const clock = new ManualClock();
  const stream = fromNodeStreams(input, output, { clock, closeWithinMs: CLOSE_WITHIN_MS });
  return { stream, far: farNodeStreams(output, input), closeTime: { clock, withinMs: CLOSE_WITHIN_MS } };
}

function openPinned(): StreamHarness {
  const key = hostKeyBlob(7);
  const inner = new FakeStream();
  const far = farFakeStream(inner);
  const exchange = [
    IDENTIFICATION,
    sshPacket(kexinitPayload()),
    sshPacket(replyPayload(key)),
    NEWKEYS_PACKET,
  ];
  const preface = Buffer.concat(exchange);
  far.send(preface);
  return { stream: pinHostKey(inner, fingerprintOf(key)), far, preface, nudge: far.nudge };
}

function openDuplex(): StreamHarness {
  const inner = new FakeStream();
  const far = farFakeStream(inner);
  const clock = new ManualClock();
  const duplex = duplexOf(inner);
  const stream = fromNodeStreams(duplex, duplex, { clock, closeWithinMs: CLOSE_WITHIN_MS });
  return { stream, far, nudge: far.nudge, closeTime: { clock, withinMs: CLOSE_WITHIN_MS } };
}

function openJoined(): StreamHarness {
  const clock = new ManualClock();
  const [left, right] = [makeWire(clock, PERFECT_WIRE), makeWire(clock, PERFECT_WIRE)];
  joinStreams(left.agent, right.client);
  return { stream: left.client, far: farByteStream(right.agent), nudge: () => clock.advance(0) };
}

/** Each nudge is time enough for whatever was written. */
function openRated(perSecond: number): StreamHarness {
  const inner = new FakeStream();
  const far = farFakeStream(inner);
  const clock = new ManualClock();
  const bucket = new TokenBucket({ burst: 1, perSecond }, clock.now());
  const meter = { spend: (bytes: number) => bucket.spend(clock.now(), bytes) };
  return {
    stream: ratedStream(inner, meter, clock),
    far,
    nudge: () => {
      clock.advance(10_000_000);
      far.nudge?.();
    },
  };
}

function openFake(): StreamHarness {
  const stream = new FakeStream();
  const far = farFakeStream(stream);
  return { stream, far, nudge: far.nudge };
}

function openWire(): StreamHarness {
  const clock = new ManualClock();
  const { client, agent } = makeWire(clock, PERFECT_WIRE);
  return { stream: client, far: farByteStream(agent), nudge: () => clock.advance(0) };
}

async function openMessages(): Promise<StreamHarness> {
  const clock = new ManualClock();
  const pair = await openPair(clock);
  return {
    stream: messageStream(pair.far),
    far: farByteStream(pair.near.stream),
    stop: () => void pair[Symbol.asyncDispose](),
  };
}
