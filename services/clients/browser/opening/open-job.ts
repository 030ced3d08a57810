// Opening a job: a WebSocket, a host that proves its key, a person who proves who they are; then a job that lives.
import { systemClock } from '#shared/time/clock.ts';
import { isPin, type JobUrl, parseJobUrl } from '../connection/job-url.ts';
import { type ReachOutcome, reachJob } from '../connection/reach.ts';
import { type LineEvent, ResumedLine } from '../connection/resumed-line.ts';
import type { JobEvent, JobOptions, JobOutcome } from '../job/job-options.ts';
import { openSftp } from '../sftp/sftp-files.ts';
import { ClientConnection } from '../ssh/channels/connection.ts';
import { pinOf } from '../ssh/exchange/host-key.ts';
import { KEX_METHODS, type KexHalf, PREFERRED_METHOD } from '../ssh/exchange/kex-methods.ts';
import { SignInDialogue } from '../ssh/sign-in/sign-in-dialogue.ts';
import type { NewKeys } from '../ssh/transport/client-key-exchange.ts';
import { SshTransport } from '../ssh/transport/ssh-transport.ts';
import { SshFault, sshFaultFrom } from '../ssh/wire/ssh-fault.ts';
import { endFrom } from './job-end.ts';
import { Liveness } from './liveness.ts';
import { SshJob } from './ssh-job.ts';

type Reached = Extract<ReachOutcome, { kind: 'open' }>;

/** Opens a job. Never rejects. */
export async function openJob(options: JobOptions): Promise<JobOutcome> {
  const { url, waitMs = 0, events, signal = new AbortController().signal } = options;
  const target = parseJobUrl(url);
  const pin = options.pin ?? target?.pin;
  if (target === undefined || (pin !== undefined && !isPin(pin))) {
    const sentence = 'this is no address of a job: expected wss://HOST/client/ID and SHA256:FINGERPRINT';
    return { kind: 'refused', code: undefined, kinds: [], sentence };
  }
  events({ kind: 'connecting' });
  const onWaiting = (sentence: string): void => events({ kind: 'waiting', sentence });
  const clock = systemClock;
  const reaching = reachJob({ target, waitMs, clock, random: Math.random, signal, onWaiting });
  // Meanwhile: without primitives of the browser's own it takes longer than the way there.
  const firstHalf = KEX_METHODS[PREFERRED_METHOD]();
  firstHalf.catch(() => undefined);
  const reached = await reaching;
  if (reached.kind !== 'open') return reached;
  return await new Opening(options, target, pin, reached, firstHalf).run();
}

/** One job from its first transport on. */
class Opening {
  readonly #options: JobOptions;
  readonly #pin: string | undefined;
  readonly #line: ResumedLine;
  readonly #transport: SshTransport;
  readonly #proved = Promise.withResolvers<NewKeys>();
  #liveness: Liveness | undefined;
  #presented = '';
  #lostAtMs = 0;

  constructor(
    options: JobOptions,
    target: JobUrl,
    pin: string | undefined,
    { stream }: Reached,
    firstHalf: Promise<KexHalf>,
  ) {
    this.#options = options;
    this.#pin = pin;
    const basics = { clock: systemClock, random: Math.random };
    this.#line = new ResumedLine({
      ...basics,
      target,
      first: stream,
      onEvent: (event) => this.#lineChanged(event),
    });
    this.#transport = new SshTransport({
      line: this.#line,
      clock: systemClock,
      checkHost: (hostKey) => this.#checkHost(hostKey),
      onProved: (host) => this.#proved.resolve(host),
      firstHalf,
    });
  }

  async run(): Promise<JobOutcome> {
    const { user, signIn, events, signal } = this.#options;
    const transport = this.#transport;
    const leave = (): void => transport.close('the page was left');
    signal?.addEventListener('abort', leave);
    const onBanner = (text: Extract<JobEvent, { kind: 'banner' }>['text']): void =>
      events({ kind: 'banner', text });
    const dialogue = new SignInDialogue({ transport, user, signIn, onBanner });
    transport.start({
      message: (payload) => dialogue.message(payload),
      over: (fault) => {
        dialogue.over(fault);
        this.#proved.reject(fault);
      },
    });
    try {
      if (signal?.aborted === true) leave();
      const host = await this.#proved.promise;
      const hostKey = pinOf(host.hostKey);
      events({ kind: 'host_proved', hostKey, exchange: host.method });
      const outcome = await dialogue.run();
      if (outcome.kind === 'not_in') {
        transport.close('nobody signed in');
        const { ways } = outcome;
        return { kind: 'not_let_in', ways, sentence: notLetIn(ways, outcome.wasTried) };
      }
      return { kind: 'open', job: this.#job(hostKey, leave) };
    } catch (thrown) {
      signal?.removeEventListener('abort', leave);
      return this.#failed(sshFaultFrom(thrown));
    }
  }

  #job(hostKey: string, leave: () => void): SshJob {
    const { events, signal } = this.#options;
    const transport = this.#transport;
    const connection = new ClientConnection({
      transport,
      onOver: (fault) => {
        signal?.removeEventListener('abort', leave);
        liveness.stop();
        events({ kind: 'ended', end: endFrom(fault, this.#line.ended) });
      },
    });
    const liveness = new Liveness({ clock: systemClock, connection, line: this.#line });
    this.#liveness = liveness;
    events({ kind: 'open' });
    transport.handOver(connection);
    liveness.start();
    return new SshJob({
      hostKey,
      connection,
      openFiles: openSftp,
      probe: () => liveness.probe(),
      close: () => transport.close('the page closed the job'),
    });
  }

  async #checkHost(hostKey: Uint8Array): Promise<void> {
    this.#presented = pinOf(hostKey);
    const pin = this.#pin;
    if (pin !== undefined) {
      if (this.#presented === pin) return;
      const sentence = `this is not the host that the link names: it has ${this.#presented}, the link expects ${pin}`;
      throw new SshFault('wrong_host_key', `${sentence}; nothing was sent to it`);
    }
    if ((await this.#options.confirmHostKey?.(this.#presented)) === true) return;
    throw new SshFault('host_key_declined', 'the host key was not taken');
  }

  #failed(fault: SshFault): JobOutcome {
    const sentence = fault.message;
    switch (fault.code) {
      case 'wrong_host_key':
        return { kind: 'wrong_host_key', presented: this.#presented, sentence };
      case 'host_key_declined':
      case 'closed':
        return { kind: 'aborted' };
      case 'disconnected':
      case 'turned_out':
        return { kind: 'not_let_in', ways: [], sentence };
      case 'lost':
        return { kind: 'unreachable', sentence };
      case 'malformed':
      case 'out_of_place':
      case 'too_big':
      case 'no_common_algorithm':
      case 'bad_signature':
      case 'bad_share':
      case 'tampered':
        return { kind: 'broken', sentence };
    }
  }

  #lineChanged(event: LineEvent): void {
    const { events } = this.#options;
    switch (event.kind) {
      case 'lost':
        this.#lostAtMs = systemClock.wallTime();
        return events({ kind: 'reconnecting', sinceMs: this.#lostAtMs, windowMs: event.windowMs });
      case 'still_lost':
        return events({ kind: 'still_reconnecting', sinceMs: this.#lostAtMs, sentence: event.sentence });
      case 'resumed':
        this.#liveness?.heard();
        return events({ kind: 'resumed', afterMs: event.afterMs });
    }
  }
}

function notLetIn(ways: readonly string[], wasTried: boolean): string {
  const would = ways.length === 0 ? 'nothing' : ways.join(' or ');
  return wasTried ? `the job did not let you in; it would take ${would}` : `the job would take ${would}`;
}
