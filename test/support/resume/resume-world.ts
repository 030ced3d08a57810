// A world for tests of the resumable stream: a client end and an agent end, wires between them, and local sides.
import { ClientEnd, type ResumeStatus, type TransportOutcome } from '#shared/resume/client-end.ts';
import type { FlowLimits } from '#shared/resume/limits.ts';
import type { ResumeEvent } from '#shared/resume/resume-events.ts';
import { ResumableStreamTable } from '#shared/resume/stream-table.ts';
import type { ByteSink, ByteStream, StreamEnd } from '#shared/stream/byte-stream.ts';
import { HEADROOM_BYTES } from '#shared/stream/headroom.ts';
import { randomFrom } from '../chance/seeded-random.ts';
import { JumpingClock } from './resume-clock.ts';
import { makeWire, PERFECT_WIRE, type Wire, type WirePlan } from './resume-wire.ts';

/** Far more than any plan needs; a simulation that runs in a circle is a failure, not a hang. */
const MAX_JUMPS = 300_000;

export const WINDOW_MS = 120_000;

/** A program at one end of the stream: writes when it may, reads with pauses, remembers everything. */
export class LocalSide implements ByteSink {
  readonly received: Buffer[] = [];
  receivedBytes = 0;
  ends: StreamEnd[] = [];
  sent = 0;
  closed = false;
  readonly #stream: ByteStream;
  readonly #clock: JumpingClock;
  readonly #random: () => number;
  readonly #outgoing: Buffer;
  readonly #habits: LocalHabits;
  #writable = true;

  constructor(stream: ByteStream, clock: JumpingClock, outgoing: Buffer, habits: LocalHabits) {
    this.#stream = stream;
    this.#clock = clock;
    this.#outgoing = outgoing;
    this.#habits = habits;
    this.#random = randomFrom(habits.seed);
    stream.attach(this);
    this.#write();
  }

  get all(): Buffer {
    return Buffer.concat(this.received);
  }

  data(chunk: Buffer): void {
    if (this.ends.length > 0) throw new Error('data after ended');
    this.received.push(chunk);
    this.receivedBytes += chunk.length;
    if (this.#random() < this.#habits.pauseChance) {
      this.#stream.pause();
      this.#clock.after(this.#random() * this.#habits.pauseMs, () => this.#stream.resume());
    }
    this.#closeIfDone();
  }

  drained(): void {
    this.#writable = true;
    this.#write();
  }

  ended(end: StreamEnd): void {
    this.ends.push(end);
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.#stream.close({ reason: 'ended' });
  }

  /** As a writer does who leaves room for the heads. */
  #writeRoomy(chunk: Buffer): boolean {
    const memory = Buffer.alloc(HEADROOM_BYTES + chunk.length, 0xee);
    chunk.copy(memory, HEADROOM_BYTES);
    return this.#stream.write(memory.subarray(HEADROOM_BYTES), HEADROOM_BYTES);
  }

  #write(): void {
    while (this.#writable && !this.closed && this.sent < this.#outgoing.length) {
      const size = 1 + Math.floor(this.#random() * this.#habits.writeBytes);
      const chunk = this.#outgoing.subarray(this.sent, this.sent + size);
      this.sent += chunk.length;
      this.#writable =
        this.#random() < 0.5 ? this.#writeRoomy(chunk) : this.#stream.write(Buffer.from(chunk));
      if (this.#writable && this.#random() < this.#habits.idleChance) {
        this.#clock.after(this.#random() * 300, () => this.#write());
        return;
      }
    }
    this.#closeIfDone();
  }

  #closeIfDone(): void {
    const { closesAfterBytes } = this.#habits;
    if (closesAfterBytes === undefined) return;
    if (this.sent === this.#outgoing.length && this.receivedBytes >= closesAfterBytes) this.close();
  }
}

export interface LocalHabits {
  readonly seed: number;
  readonly writeBytes: number;
  readonly idleChance: number;
  readonly pauseChance: number;
  readonly pauseMs: number;
  /** Closes once all is written and this many bytes were received. Never, if not given. */
  readonly closesAfterBytes?: number;
}

export interface WorldPlan {
  readonly seed: number;
  readonly limits: FlowLimits;
  /** One per dial, in turn; after the last they are perfect. */
  readonly wires: readonly WirePlan[];
  /** The share of re-dials that find nobody. */
  readonly retryChance: number;
  readonly client: { readonly outgoing: Buffer; readonly habits: LocalHabits };
  readonly agent: { readonly outgoing: Buffer; readonly habits: LocalHabits };
}

export class ResumeWorld {
  readonly clock = new JumpingClock();
  readonly plan: WorldPlan;
  readonly end: ClientEnd;
  readonly table: ResumableStreamTable<undefined>;
  readonly client: LocalSide;
  readonly agents: LocalSide[] = [];
  readonly agentStreams: ByteStream[] = [];
  readonly wires: Wire[] = [];
  readonly statuses: ResumeStatus[] = [];
  readonly clientEvents: ResumeEvent[] = [];
  readonly agentEvents: ResumeEvent[] = [];
  clientOver: StreamEnd | undefined;
  #reachable = true;

  constructor(plan: WorldPlan) {
    this.plan = plan;
    const random = randomFrom(plan.seed);
    this.table = new ResumableStreamTable<undefined>({
      clock: this.clock,
      resumeWindowMs: WINDOW_MS,
      limits: plan.limits,
      onStream: (stream) => {
        this.agentStreams.push(stream);
        this.agents.push(new LocalSide(stream, this.clock, plan.agent.outgoing, plan.agent.habits));
      },
      onEvent: (event) => this.agentEvents.push(event),
    });
    this.end = new ClientEnd({
      clock: this.clock,
      resumeWindowMs: WINDOW_MS,
      limits: plan.limits,
      random,
      randomBytes: (count) => Buffer.from(Array.from({ length: count }, () => Math.floor(random() * 256))),
      dial: async () => this.#dial(random),
      onStatus: (status) => this.statuses.push(status),
      onEvent: (event) => this.clientEvents.push(event),
      onOver: (end) => {
        this.clientOver = end;
      },
    });
    this.client = new LocalSide(this.end.stream, this.clock, plan.client.outgoing, plan.client.habits);
    this.end.start();
  }

  get agent(): LocalSide {
    const [agent] = this.agents;
    if (agent === undefined) throw new Error('the agent has no stream yet');
    return agent;
  }

  /** The stream is over at both ends, for the local sides too. */
  get finished(): boolean {
    const told = this.client.ends.length > 0 && this.agents.every((agent) => agent.ends.length > 0);
    return this.clientOver !== undefined && told && this.table.counts.streams === 0;
  }

  /** From now on nobody reaches anybody. */
  disconnect(): void {
    this.#reachable = false;
    for (const wire of this.wires) {
      wire.client.fail({ reason: 'lost' });
      wire.agent.fail({ reason: 'lost' });
    }
  }

  /** Moves time on until `done`, at most `limitMs`; `check` sees every step. */
  async run(done: () => boolean, limitMs: number, check: () => void = () => {}): Promise<boolean> {
    const until = this.clock.now() + limitMs;
    // Promises alone would never let the test runner see its own timeout.
    await new Promise((resolve) => setImmediate(resolve));
    for (let jumps = 0; ; jumps += 1) {
      await settle();
      if (jumps > MAX_JUMPS) throw new Error(`no end after ${jumps} timers: time stands still`);
      check();
      if (done()) return true;
      if (this.clock.now() > until || !this.clock.jump()) return false;
    }
  }

  #dial(random: () => number): TransportOutcome {
    if (this.wires.length > 0 && random() < this.plan.retryChance) return { kind: 'retry' };
    if (!this.#reachable) return { kind: 'retry' };
    const planned = this.plan.wires[this.wires.length];
    const wire = makeWire(this.clock, planned ?? PERFECT_WIRE);
    this.wires.push(wire);
    this.table.accept(wire.agent, { expects: 'resume', info: undefined });
    return { kind: 'open', transport: wire.client };
  }
}

/** Lets promises that are due be kept. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 4; turn += 1) await Promise.resolve();
}

/** Bytes that differ from place to place, so that a shift or a repeat shows. */
export function bytesFrom(seed: number, length: number): Buffer {
  const random = randomFrom(seed);
  const bytes = Buffer.allocUnsafe(length);
  for (let at = 0; at < length; at += 1) bytes[at] = random() * 256;
  return bytes;
}
