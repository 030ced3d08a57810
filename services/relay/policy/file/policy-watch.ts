// The watch over the policy file: it is read again when it changes, and a version with a fault changes nothing.
import type { Cancel, Clock } from '#shared/time/clock.ts';
import type { Policy, PolicyFileState, PolicySource } from '../policy.ts';
import { type GoodVersion, hashPolicy, loadPolicy } from './policy-version.ts';

/**
 * How often the file is looked at, in milliseconds. It is read, not watched: a ConfigMap changes by a link to another folder, and
 * editors put a new file in the place of the old one. Kubernetes itself takes up to a minute to show a change.
 */
export const POLICY_POLL_MS = 5_000;

/**
 * How long a new version must have stayed as it is before it counts, in milliseconds. A file that is written in place is there
 * in part meanwhile, and the part may be a good policy that lets in more: its first rule without `networks`, its `agents`
 * without its `clients`.
 */
export const POLICY_SETTLE_MS = 1_000;

export type PolicyRead =
  /** `rules`: the names of those of agents and then of clients, in their order. */
  | { readonly kind: 'loaded'; readonly sha256: string; readonly rules: readonly string[] }
  /** One sentence each, with file and line. */
  | { readonly kind: 'rejected'; readonly faults: readonly string[] };

export interface PolicyRecorder {
  /** A new version of the file: it is in force now, or it has faults. */
  policyRead(version: PolicyRead): void;
}

export interface PolicyLog {
  info(fields: Record<string, unknown>, message: string): void;
  warn(fields: Record<string, unknown>, message: string): void;
  error(fields: Record<string, unknown>, message: string): void;
}

export interface PolicyWatchOptions {
  /** The version that was checked at the start. */
  readonly initial: GoodVersion;
  /** Where the file has no `audience`. */
  readonly audience: string | undefined;
  readonly clock: Clock;
  readonly log: PolicyLog;
  readonly recorder: PolicyRecorder;
}

export class PolicyWatch implements PolicySource {
  readonly #options: PolicyWatchOptions;
  #inForce: GoodVersion;
  /** The hash of what the file was when it was last looked at. */
  #seen: string;
  /** The hash of a version that is new and may still be written. */
  #unsettled: string | undefined;

  constructor(options: PolicyWatchOptions) {
    this.#options = options;
    this.#inForce = options.initial;
    this.#seen = options.initial.sha256;
  }

  get current(): Policy {
    return this.#inForce.policy;
  }

  get file(): PolicyFileState {
    const { sha256 } = this.#inForce;
    return { sha256, isStale: sha256 !== this.#seen };
  }

  /** Looks at the file from now on. The result stops it and may be called twice. */
  start(): Cancel {
    const { clock } = this.#options;
    const over = new AbortController();
    let cancel: Cancel = () => {};
    const lookLater = (): void => {
      cancel = clock.after(this.#unsettled === undefined ? POLICY_POLL_MS : POLICY_SETTLE_MS, () => {
        void this.#look(over.signal).then(() => {
          if (!over.signal.aborted) lookLater();
        });
      });
    };
    this.#tell('policy in force');
    lookLater();
    return () => {
      over.abort();
      cancel();
    };
  }

  async #look(over: AbortSignal): Promise<void> {
    const { audience, clock, log, recorder } = this.#options;
    const { path } = this.#inForce;
    const before = this.#unsettled;
    const found = await hashPolicy(path);
    this.#unsettled = found === this.#seen ? undefined : found;
    if (this.#unsettled === undefined || this.#unsettled !== before) return;
    const version = await loadPolicy(path, { audience, now: clock.wallTime() });
    if (over.aborted) return;
    // It has changed once more.
    if (version.sha256 !== found) return;
    this.#unsettled = undefined;
    this.#seen = version.sha256;
    if (version.kind === 'bad') {
      const { faults } = version;
      recorder.policyRead({ kind: 'rejected', faults });
      log.error(
        { file: path, faults, inForce: this.#inForce.sha256 },
        'policy not reloaded: the one before stays',
      );
      return;
    }
    // Also a version that was in force before: somebody has taken back a change that had a fault.
    this.#inForce = version;
    this.#tell('policy reloaded');
  }

  #tell(message: string): void {
    const { log, recorder } = this.#options;
    const { path, policy, sha256, warnings } = this.#inForce;
    const rules = [...(policy.agents ?? []), ...(policy.clients ?? [])].map(({ name }) => name);
    recorder.policyRead({ kind: 'loaded', sha256, rules });
    const countOf = (rules: readonly unknown[] | undefined) => rules?.length ?? 'anybody';
    log.info(
      { file: path, sha256, agents: countOf(policy.agents), clients: countOf(policy.clients) },
      message,
    );
    for (const warning of warnings) log.warn({ warning }, 'policy has something odd');
  }
}
