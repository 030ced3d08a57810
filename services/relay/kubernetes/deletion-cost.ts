// The deletion cost: reports to Kubernetes how much work this pod holds, so that scale-in takes the idlest first.
// https://kubernetes.io/docs/concepts/workloads/controllers/replicaset/#pod-deletion-cost
import type { Cancel, Clock } from '#shared/time/clock.ts';
import { API_ANSWER_WITHIN_MS, type ApiRequest, type ApiServer, exchange, readText } from './api-server.ts';
import { type ApiTroubles, DENIED_RETRY_MS, describeError, isDenial } from './api-troubles.ts';

const ANNOTATION = 'controller.kubernetes.io/pod-deletion-cost';

/** How often the cost is written at most, in milliseconds: the whole control plane hears of each write. */
export const WRITE_EVERY_MS = 60_000;

/** Kubernetes takes a cost from the whole range of an int32 and ignores any other. */
const MAX_COST = 2 ** 31 - 1;

export interface DeletionCostOptions {
  readonly namespace: string;
  readonly pod: string;
  readonly troubles: ApiTroubles;
  readonly clock: Clock;
}

type State =
  | { readonly kind: 'stopped' }
  | { readonly kind: 'idle'; readonly api: ApiServer }
  /** A write is due as soon as it may be. */
  | { readonly kind: 'due'; readonly api: ApiServer; readonly cancel: Cancel }
  | { readonly kind: 'writing'; readonly api: ApiServer; readonly cancel: Cancel };

export class DeletionCost {
  readonly #options: DeletionCostOptions;
  #state: State = { kind: 'stopped' };
  #wanted: number | undefined;
  /** Undefined until the first write: an earlier process of this pod may have left any cost behind. */
  #written: number | undefined;
  #notBefore = 0;

  constructor(options: DeletionCostOptions) {
    this.#options = options;
  }

  /** Writes from here on. The result ends that and may be called twice. */
  start(api: ApiServer): Cancel {
    this.#state = { kind: 'idle', api };
    this.#plan();
    return () => {
      if (this.#state.kind === 'due' || this.#state.kind === 'writing') this.#state.cancel();
      this.#state = { kind: 'stopped' };
    };
  }

  /** The load at this moment; the latest is what is written. */
  report(load: number): void {
    this.#wanted = costOf(load);
    this.#plan();
  }

  #plan(): void {
    if (this.#state.kind !== 'idle' || this.#wanted === this.#written) return;
    const { api } = this.#state;
    const { clock } = this.#options;
    const waitMs = Math.max(0, this.#notBefore - clock.now());
    const cancel = clock.after(waitMs, () => {
      this.#state = { kind: 'idle', api };
      this.#write(api);
    });
    this.#state = { kind: 'due', api, cancel };
  }

  #write(api: ApiServer): void {
    const cost = this.#wanted;
    if (cost === undefined || cost === this.#written) return;
    const { clock } = this.#options;
    this.#notBefore = clock.now() + WRITE_EVERY_MS;
    const over = new AbortController();
    const writing: State = {
      kind: 'writing',
      api,
      cancel() {
        over.abort();
      },
    };
    this.#state = writing;
    this.#patch(api, cost, over.signal).then(
      (status) => {
        if (this.#state === writing) this.#settle(api, cost, status);
      },
      (error: unknown) => {
        if (this.#state === writing) this.#fail(api, 'failed', describeError(error));
      },
    );
  }

  #patch(api: ApiServer, cost: number, signal: AbortSignal): Promise<number> {
    const limits = { clock: this.#options.clock, signal, silenceMs: API_ANSWER_WITHIN_MS };
    return exchange(api, patchRequest(this.#options, cost), limits, async ({ status, chunks }) => {
      await readText(chunks);
      return status;
    });
  }

  #settle(api: ApiServer, cost: number, status: number): void {
    if (status !== 200) {
      // A pod that is not found has another name than POD_ID says: nothing that a retry mends soon.
      const trouble = isDenial(status) ? 'denied' : 'failed';
      if (trouble === 'denied' || status === 404)
        this.#notBefore = this.#options.clock.now() + DENIED_RETRY_MS;
      this.#fail(api, trouble, `the patch of pod ${this.#options.pod} was answered with status ${status}`);
      return;
    }
    this.#written = cost;
    this.#options.troubles.over();
    this.#state = { kind: 'idle', api };
    this.#plan();
  }

  #fail(api: ApiServer, trouble: 'denied' | 'failed', detail: string): void {
    this.#options.troubles.happened(trouble, detail);
    this.#state = { kind: 'idle', api };
    this.#plan();
  }
}

/** Int32, as Kubernetes wants it; anything that is not a number counts as no work. */
export function costOf(load: number): number {
  return Number.isNaN(load) ? 0 : Math.min(MAX_COST, Math.max(0, Math.round(load)));
}

function patchRequest({ namespace, pod }: DeletionCostOptions, cost: number): ApiRequest {
  return {
    method: 'PATCH',
    path: `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(pod)}`,
    body: {
      // RFC 7396: sets this one annotation, leaves the others.
      contentType: 'application/merge-patch+json',
      text: JSON.stringify({ metadata: { annotations: { [ANNOTATION]: String(cost) } } }),
    },
  };
}
