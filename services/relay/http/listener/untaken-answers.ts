// Answers that nobody takes: a peer that leaves bytes of its answer waiting and takes none of them is cut.
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Cancel, Clock } from '#shared/time/clock.ts';
import { readSendQueues } from './send-queues.ts';
import { handshakeSocket } from './upgrade.ts';

/** How long a peer may take nothing of its answer, in milliseconds. A peer that takes a byte now and then may go on. */
export const UNTAKEN_FOR_MS = 30_000;

/** How often the answers are looked at, in milliseconds: a peer is cut that much late at most. */
export const ANSWERS_LOOK_EVERY_MS = 5_000;

/** Counts answers of which the peer took nothing. */
export interface UntakenRecorder {
  answerUntaken(): void;
}

export interface UntakenAnswerOptions {
  readonly clock: Clock;
  /** Called after the connection was cut. */
  readonly onCut: (socket: Socket) => void;
}

/** An answer on its way. */
interface Answer {
  /** Changes whenever the peer takes something. */
  state: string;
  /** Since when `state` is as it is, in milliseconds on the Clock. */
  since: number;
}

/** Watches the answers of `app` to all that is no WebSocket. The result ends it and may be called twice. */
export function cutUntakenAnswers(app: FastifyInstance, { clock, onCut }: UntakenAnswerOptions): Cancel {
  const answers = new Map<Socket, Answer>();
  let cancel: Cancel | undefined;

  app.addHook('onRequest', (request, reply, done) => {
    if (handshakeSocket(request) === undefined) {
      const { socket } = request;
      // Where requests were sent one behind the other, the last one stands for all of them.
      const answer = { state: '', since: clock.now() };
      answers.set(socket, answer);
      reply.raw.once('close', () => {
        if (answers.get(socket) === answer) answers.delete(socket);
      });
      cancel ??= clock.after(ANSWERS_LOOK_EVERY_MS, look);
    }
    done();
  });

  function look(): void {
    void lookAt([...answers].filter(([socket]) => socket.writableLength > 0)).finally(() => {
      cancel = answers.size > 0 ? clock.after(ANSWERS_LOOK_EVERY_MS, look) : undefined;
    });
  }

  async function lookAt(waiting: readonly (readonly [Socket, Answer])[]): Promise<void> {
    const port = waiting[0]?.[0].localPort;
    if (port === undefined) return;
    // Node hears of room in the kernel's queue only when a third of it is free, which can be megabytes.
    const queues = await readSendQueues(port);
    const now = clock.now();
    for (const [socket, answer] of waiting) {
      const queued = queues.get(socket.remotePort ?? 0) ?? 0;
      const state = `${socket.bytesWritten} ${socket.writableLength} ${queued}`;
      if (state !== answer.state) {
        answer.state = state;
        answer.since = now;
      } else if (now - answer.since >= UNTAKEN_FOR_MS && answers.get(socket) === answer) {
        socket.destroy();
        onCut(socket);
      }
    }
  }

  return () => {
    cancel?.();
    answers.clear();
  };
}
