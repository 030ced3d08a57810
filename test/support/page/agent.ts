// Another agent, written from docs/protocol.md alone: it serves an echo in place of SSH.
import { randomBytes } from 'node:crypto';
import { WebSocket } from 'ws';
import { frame, frameReader, OPEN, OPENED, REFUSED, readU64, resumableEnd, u64 } from './resumable-end.ts';

type End = ReturnType<typeof resumableEnd>;

export interface PageAgent {
  /** What came over the control link, and what became of transports. */
  readonly events: readonly string[];
  stop(): void;
}

/** R-RESUME-4 to -6, -8: 0, or the code of REFUSED. */
function refusalOf(known: End | undefined, isNew: boolean, received: number): number {
  if (known === undefined) return isNew ? 0 : 1;
  if (isNew && known.isHeard) return 2;
  return known.covers(received) ? 0 : 3;
}

/** Links to the relay at `base`, as `id`; resolves with the first welcome. */
export async function startPageAgent(base: string, id: string): Promise<PageAgent> {
  const claim = randomBytes(32).toString('base64url');
  const events: string[] = [];
  const ends = new Map<string, { end: End; carrier: WebSocket }>();
  const open = new Set<WebSocket>();
  const { promise: welcomed, resolve: welcome } = Promise.withResolvers<void>();
  let isStopped = false;
  let grant = '';

  function connect(path: string, protocol: string, headers: Record<string, string>): WebSocket {
    const socket = new WebSocket(`${base}${path}`, [protocol], { perMessageDeflate: false, headers });
    open.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => open.delete(socket));
    return socket;
  }

  function link(older?: WebSocket) {
    const headers = { 'converge-claim': claim, ...(grant === '' ? {} : { 'converge-grant': grant }) };
    const socket = connect(`/agent/${id}`, 'converge.agent.v1', headers);
    let hasMoved = false;
    socket.on('message', (text: Buffer) => {
      const message = JSON.parse(text.toString()) as { type: string; ticket?: string; grant?: string };
      events.push(message.type);
      grant = message.grant ?? grant;
      if (message.type === 'welcome') {
        socket.send(
          JSON.stringify({ type: 'status', clients: 0, detached: 0, expiresAt: Date.now() + 3_600_000 }),
        );
        // R-LINK-11.
        older?.close(1000);
        welcome();
      }
      if (message.type === 'dial') serve(message.ticket ?? '');
      if (message.type === 'goaway') {
        hasMoved = true;
        link(socket);
      }
    });
    socket.on('close', () => {
      if (!isStopped && !hasMoved) setTimeout(link, Math.random() * 100);
    });
  }

  // Section 8, R-RESUME-2: the first byte says which kind of client it is.
  function serve(ticket: string) {
    const socket = connect(`/agent/${id}/stream/${ticket}`, 'converge.stream.v1', {
      'converge-claim': claim,
    });
    let read: ((bytes: Buffer) => void) | undefined;
    socket.on('message', (bytes: Buffer) => {
      read ??= bytes[0] === OPEN ? framed(socket) : (plain) => socket.send(plain);
      read(bytes);
    });
  }

  function framed(socket: WebSocket) {
    let end: End | undefined;
    let key = '';
    socket.on('close', () => {
      for (const known of ends.values()) if (known.carrier === socket) known.end.lose();
    });
    return frameReader((type, payload) => {
      // R-RESUME-9: a transport that was replaced is deaf.
      if (end !== undefined) return ends.get(key)?.carrier === socket ? end.take(type, payload) : undefined;
      key = payload.toString('hex', 5, 21);
      const [isNew, received] = [payload[21] === 0, readU64(payload, 22)];
      let known = ends.get(key);
      const refusal = refusalOf(known?.end, isNew, received);
      events.push(refusal === 0 ? (isNew ? 'new' : 'resumed') : `refused ${refusal}`);
      if (refusal > 0) {
        socket.send(frame(REFUSED, Buffer.from([0, refusal])));
        return socket.close(1000);
      }
      if (known === undefined) ends.set(key, (known = { end: echo(key), carrier: socket }));
      // R-RESUME-9.
      if (known.carrier !== socket) known.carrier.close(4409, 'superseded');
      known.carrier = socket;
      ({ end } = known);
      socket.send(frame(OPENED, u64(end.arrived), Buffer.from([0, 0, 0, 120])));
      end.carry((bytes) => socket.send(bytes), received);
    });
  }

  function echo(key: string): End {
    const waiting: (() => void)[] = [];
    const end = resumableEnd({
      take(bytes, taken) {
        if (end.write(bytes)) taken();
        else waiting.push(taken);
      },
      roomy() {
        for (const taken of waiting.splice(0)) taken();
      },
      over(code) {
        events.push(`over ${code}`);
        ends.get(key)?.carrier.close(1000);
        ends.delete(key);
      },
    });
    return end;
  }

  link();
  await welcomed;
  return {
    events,
    stop() {
      isStopped = true;
      for (const socket of open) socket.close(1000);
    },
  };
}
