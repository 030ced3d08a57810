// The introduction: how one client program tells a relay who it is, once for all of its connections.
//
// A dial shows what is in hand: the pass of an earlier 101, or else a proof that the relay has accepted. If that does not do any more, or
// nothing is in hand, one connection proves anew, and the others wait for what comes of it.
import type { Prover } from '#shared/identity/proof-maker.ts';
import { dialProving, isAboutProof, isForNobody, type Unproved } from '#shared/identity/proving-dial.ts';
import { IDENTITY_HEADER, PASS_HEADER } from '#shared/protocol/identity.ts';
import type { Clock } from '#shared/time/clock.ts';
import type { StreamDialOutcome } from '#shared/websocket/dial-stream.ts';

/** A signature that was accepted is shown again for this long, in milliseconds: less than a challenge is good for. */
export const SIGNATURE_KEPT_MS = 45_000;

/** As often one dial begins again, because what another connection has proved does not do for it. */
const MAX_ROUNDS = 4;

export interface IntroductionOptions {
  /** ws: or wss:, as the person gave it. */
  readonly relay: URL;
  readonly id: string;
  readonly proxy: URL | undefined;
  readonly prover: Prover;
  readonly clock: Clock;
  /** Ends the making of proofs: they are the program's, not those of the connection that needed one first. */
  readonly signal: AbortSignal;
}

export type IntroducedOutcome = StreamDialOutcome | Unproved;

/** One dial, with these headers. `mayWait`: whether the relay may be asked to wait for the agent. */
export type IntroducedDial = (
  headers: Readonly<Record<string, string>>,
  mayWait: boolean,
) => Promise<StreamDialOutcome>;

/** Of one connection. */
export interface Introducing {
  readonly signal: AbortSignal | undefined;
  /** A proof is needed: a person may have to do something now. */
  readonly onProof: () => void;
}

export interface Introduced {
  readonly outcome: IntroducedOutcome;
  /** What the proof took of the time, in milliseconds. */
  readonly provingMs: number;
}

/** What a dial shows. */
type InHand =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'pass'; readonly pass: string }
  /** `until` by the clock. */
  | { readonly kind: 'proof'; readonly header: string; readonly until: number };

const NOTHING: InHand = { kind: 'nothing' };

export class Introduction {
  readonly #options: IntroductionOptions;
  /** Replaced by whoever has learned more; never changed. */
  #inHand: InHand = NOTHING;
  #proving: Promise<IntroducedOutcome> | undefined;

  constructor(options: IntroductionOptions) {
    this.#options = options;
  }

  /** Dials until the relay lets the program in or says something else than that it asks who it is. Never rejects if `dial` does not. */
  async dial(dial: IntroducedDial, { signal, onProof }: Introducing): Promise<Introduced> {
    const { clock } = this.#options;
    let provingMs = 0;
    for (let round = 1; ; round++) {
      const shown = this.#look();
      const outcome = await dial(headersOf(shown), true);
      const asks = askedBy(outcome, shown);
      if (asks === 'nothing') this.#learn(outcome);
      else this.#drop(shown);
      if (asks === 'nothing' || round === MAX_ROUNDS) return { outcome, provingMs };
      // Another connection may have proved something while this one asked.
      if (asks === 'another' || this.#look() !== NOTHING) continue;
      const askedAt = clock.now();
      onProof();
      const others = this.#proving;
      const own = others === undefined ? this.#prove(outcome, dial) : undefined;
      const proved = await unlessAborted(others ?? own, signal);
      provingMs += clock.now() - askedAt;
      // Nobody takes a stream that comes too late.
      if (signal?.aborted === true) void own?.then(cut);
      if (own !== undefined || isFinal(proved)) return { outcome: proved, provingMs };
    }
  }

  #prove(first: StreamDialOutcome, dial: IntroducedDial): Promise<IntroducedOutcome> {
    const { relay, id, proxy, prover, signal, clock } = this.#options;
    const askedAt = clock.now();
    const who = { role: 'client', id, claimHash: '' } as const;
    let isAsked = false;
    const proving = dialProving({ relay, proxy, who, prover, pass: '', signal }, async (headers) => {
      // What it asks for is known already.
      if (!isAsked) {
        isAsked = true;
        return first;
      }
      // The others wait for this one, so it does not wait for the agent.
      const outcome = await dial(headers, false);
      const header = headers[IDENTITY_HEADER] ?? '';
      const proof = { kind: 'proof', header, until: until(header, askedAt) } as const;
      if (askedBy(outcome, proof) === 'nothing' && outcome.kind !== 'unreachable') this.#inHand = proof;
      return outcome;
    }).then((outcome) => {
      if (outcome.kind === 'open') this.#learn(outcome);
      this.#proving = undefined;
      return outcome;
    });
    this.#proving = proving;
    return proving;
  }

  #look(): InHand {
    const inHand = this.#inHand;
    return inHand.kind === 'proof' && inHand.until <= this.#options.clock.now() ? NOTHING : inHand;
  }

  #learn(outcome: StreamDialOutcome): void {
    if (outcome.kind === 'open' && outcome.pass !== undefined)
      this.#inHand = { kind: 'pass', pass: outcome.pass };
  }

  /** Unless another connection has something better by now. */
  #drop(shown: InHand): void {
    if (this.#inHand === shown) this.#inHand = NOTHING;
  }
}

function headersOf(shown: InHand): Readonly<Record<string, string>> {
  switch (shown.kind) {
    case 'nothing':
      return {};
    case 'pass':
      return { [PASS_HEADER]: shown.pass };
    case 'proof':
      return { [IDENTITY_HEADER]: shown.header };
  }
}

/** What a relay wants that was shown this: a proof, another one than this, or none. */
function askedBy(outcome: StreamDialOutcome, shown: InHand): 'proof' | 'another' | 'nothing' {
  if (shown.kind === 'pass' && isForNobody(outcome)) return 'another';
  if (outcome.kind !== 'refused') return 'nothing';
  const { code, demand } = outcome.refusal ?? {};
  if (code === 'identity_required' && demand !== undefined) return 'proof';
  const isRefused = code === 'challenge_stale' || isAboutProof(outcome);
  return shown.kind === 'proof' && isRefused ? 'another' : 'nothing';
}

/** A signature is worth something while its challenge is; what else there is, until it is refused. */
function until(header: string, askedAt: number): number {
  return /^(key|certificate) /.test(header) ? askedAt + SIGNATURE_KEPT_MS : Number.POSITIVE_INFINITY;
}

/** Whether what another connection got is an answer to this one, too. */
function isFinal(proved: IntroducedOutcome): boolean {
  return proved.kind === 'unproved' || (proved.kind === 'refused' && isAboutProof(proved));
}

function cut(outcome: IntroducedOutcome): void {
  if (outcome.kind === 'open') outcome.stream.cut({ reason: 'going_away' });
}

/** As soon as `signal` aborts: given up. */
async function unlessAborted(
  proving: Promise<IntroducedOutcome> | undefined,
  signal: AbortSignal | undefined,
): Promise<IntroducedOutcome> {
  const { promise, resolve } = Promise.withResolvers<IntroducedOutcome>();
  const abort = (): void => {
    resolve({ kind: 'unreachable', code: 'ABORTED', detail: 'given up' });
  };
  signal?.addEventListener('abort', abort, { once: true });
  if (signal?.aborted === true || proving === undefined) abort();
  void proving?.then(resolve);
  try {
    return await promise;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}
