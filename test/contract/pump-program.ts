// A process with a session in the native pump, where whoever hears of its bytes throws. That ends the process; otherwise it exits with 0.
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { systemClock } from '#shared/time/clock.ts';
import { frameStream } from '#shared/websocket/frame-stream.ts';
import { startPump } from '../../services/relay/pump/native-pump.ts';
import { pumpAddon } from '../../services/relay/pump/pump-addon.ts';
import { rawFrame } from '../support/stream/raw-frames.ts';

/** The process has gone on after the fault. */
const NOBODY_NOTICED_MS = 10_000;

const addon = pumpAddon();
if (addon === undefined) throw new Error('pump.node was not built');
const pump = startPump(addon, 1);
const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
await once(server, 'listening');

async function openLeg(): Promise<{ near: Socket; far: Socket }> {
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const far = connect(server.address() as { port: number });
  const [near] = await accepted;
  return { near, far };
}

const [left, right] = [await openLeg(), await openLeg()];
const streamOf = ({ near }: { near: Socket }) =>
  frameStream({ socket: near, head: Buffer.alloc(0), isClient: false, clock: systemClock });
pump.join(streamOf(left), streamOf(right), {
  onBytes: () => {
    throw new Error('a fault of the relay');
  },
});
right.far.resume();
left.far.end(rawFrame({ payload: Buffer.alloc(10), mask: Buffer.alloc(4) }));
setTimeout(() => process.exit(0), NOBODY_NOTICED_MS);
