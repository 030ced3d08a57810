// The life of a relay: it starts, it drains when it is asked to leave, and it stops.
import type { AuditTrail } from './audit/audit-trail.ts';
import type { Config } from './config.ts';
import { type Core, startCore, stopCore } from './core.ts';
import { drain } from './drain.ts';
import { ownAddress } from './http/listener/internal-host.ts';
import { ListenFault } from './http/listener/listen-fault.ts';
import type { Listeners } from './listeners.ts';

export interface Relay {
  /** Opens both listeners. Rejects with a ListenFault. */
  start(): Promise<{ readonly port: number; readonly internalPort: number }>;
  /**
   * Sends everybody away, then stops. A second call returns the same promise; after a stop, the promise of that. `isAsked` by a
   * person: without anybody on it there is nothing to wait for.
   */
  drain(isAsked?: boolean): Promise<void>;
  /** Closes everything now. May be called twice. */
  stop(): Promise<void>;
  /** Opens files anew that somebody may have moved away. */
  reopen(): void;
}

export interface LifecycleOptions {
  readonly config: Config;
  readonly core: Core;
  readonly listeners: Listeners;
  /** Undefined: no record is kept. */
  readonly trail: AuditTrail | undefined;
  /** Aborted at the first word of leaving. */
  readonly leaving: AbortController;
  /** Disposed of at the stop. */
  readonly background: DisposableStack;
}

/** serving -> draining -> stopped, or from serving straight to stopped. */
type Phase =
  | { readonly kind: 'serving' }
  | { readonly kind: 'draining'; readonly drained: Promise<void> }
  | { readonly kind: 'stopped'; readonly stopped: Promise<void> };

export class RelayLifecycle implements Relay {
  readonly #options: LifecycleOptions;
  #phase: Phase = { kind: 'serving' };

  constructor(options: LifecycleOptions) {
    this.#options = options;
  }

  async start(): Promise<{ port: number; internalPort: number }> {
    const { background, config, core, listeners } = this.#options;
    const faults: unknown[] = [];
    const internalPort = await listeners.openInternal().catch((fault: unknown) => void faults.push(fault));
    if (config.podAddress === undefined && internalPort !== undefined)
      core.self.address = ownAddress(config.internalHost, internalPort);
    // Also after a fault: whoever has to choose two ports hears of both at once.
    const port = await listeners.openPublic().catch((fault: unknown) => void faults.push(fault));
    if (internalPort === undefined || port === undefined) {
      await this.stop();
      throw joinedFault(faults);
    }
    if (config.registry.kind !== 'memory' && config.podAddress === undefined)
      core.log.warn(
        { address: core.self.address },
        'POD_ADDRESS is not set: pods on other machines cannot reach this one',
      );
    // It may have been stopped while it opened.
    if (!background.disposed) {
      background.defer(listeners.watchCertificate());
      background.defer(startCore(core));
    }
    return { port, internalPort };
  }

  drain(isAsked = false): Promise<void> {
    switch (this.#phase.kind) {
      case 'serving': {
        const drained = this.#drain(isAsked);
        this.#phase = { kind: 'draining', drained };
        return drained;
      }
      case 'draining':
        return this.#phase.drained;
      case 'stopped':
        return this.#phase.stopped;
    }
  }

  stop(): Promise<void> {
    if (this.#phase.kind === 'stopped') return this.#phase.stopped;
    const stopped = this.#stop();
    this.#phase = { kind: 'stopped', stopped };
    return stopped;
  }

  reopen(): void {
    this.#options.trail?.reopen();
  }

  async #drain(isAsked: boolean): Promise<void> {
    const { config, core, leaving } = this.#options;
    leaving.abort();
    const isAlone = core.agents.size === 0 && core.sessions.size === 0;
    await drain({
      ...core,
      delayMs: isAsked && isAlone ? 0 : config.drainDelayMs,
      timeoutMs: config.drainTimeoutMs,
    });
    await this.stop();
  }

  async #stop(): Promise<void> {
    const { background, core, leaving, listeners, trail } = this.#options;
    const { agents, pump, sessions, waiting } = core;
    leaving.abort();
    waiting.dismiss();
    for (const agent of agents) agent.link.close('restart');
    sessions.close('restart', () => true);
    // A session that the pump has says goodbye when it is back.
    await pump.idle();
    background.dispose();
    await listeners.close();
    await stopCore(core);
    await trail?.close();
    listeners.flushLog();
  }
}

function joinedFault(faults: readonly unknown[]): unknown {
  const [first, second] = faults;
  return first instanceof ListenFault && second instanceof ListenFault
    ? new ListenFault(`${first.message}\n${second.message}`, { cause: second })
    : first;
}
