// The endpoint watch: lists the slices of our Service, then follows their changes, for as long as the relay runs.
//
// list ──► watch ──► watch … from the last version seen, when it ends, is cut, or falls silent
//   ▲        │
//   └────────┘ 410 Gone (the versions after ours are forgotten), or an event that makes no sense
//
// Between any two there is a wait with full jitter, short after a watch that worked, longer after each that did not;
// DENIED_RETRY_MS after a denial. What was seen last stands meanwhile.
import { Backoff } from '#shared/time/backoff.ts';
import type { Clock } from '#shared/time/clock.ts';
import { pause } from '#shared/time/pause.ts';
import { API_ANSWER_WITHIN_MS, type ApiServer, exchange, readLines, readText } from './api-server.ts';
import { type ApiTroubles, DENIED_RETRY_MS, describeError, isDenial } from './api-troubles.ts';
import { parseSliceEvent, parseSliceList, type SliceFilter } from './endpoint-slice.ts';
import type { PeerView } from './peer-view.ts';

/** After how long the API server is to end a watch, in seconds, so that watchers spread over the API servers anew. */
const WATCH_SECONDS = 240;

/** A watch that is silent for this long is on a dead connection, in milliseconds: bookmarks come about once a minute. */
export const WATCH_SILENCE_MS = 90_000;

const FIRST_RETRY_MS = 500;

/** The longest wait between two attempts, in milliseconds. */
export const MAX_RETRY_MS = 30_000;

const EXPIRED = 410;

export interface EndpointWatchOptions {
  readonly api: ApiServer;
  readonly namespace: string;
  readonly service: string;
  readonly filter: SliceFilter;
  readonly view: PeerView;
  readonly troubles: ApiTroubles;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
}

/** The next attempt goes on from `version`; undefined: from a new list. */
type Outcome =
  | { readonly kind: 'listed'; readonly version: string }
  | { readonly kind: 'over'; readonly version: string | undefined; readonly worked: boolean }
  | { readonly kind: 'denied'; readonly version: string | undefined; readonly detail: string }
  | { readonly kind: 'failed'; readonly version: string | undefined; readonly detail: string };

/** Resolves once `signal` aborts, never before; never rejects. */
export async function watchEndpoints(options: EndpointWatchOptions, signal: AbortSignal): Promise<void> {
  const { clock, random, troubles } = options;
  const backoff = new Backoff({ firstMs: FIRST_RETRY_MS, maxMs: MAX_RETRY_MS, random });
  let version: string | undefined;
  while (!signal.aborted) {
    const outcome = await attempt(options, version, signal);
    if (signal.aborted) return;
    version = outcome.version;
    switch (outcome.kind) {
      case 'listed':
        break;
      case 'over':
        if (outcome.worked) backoff.reset();
        await pause(clock, backoff.next(), signal);
        break;
      case 'denied':
        troubles.happened('denied', outcome.detail);
        await pause(clock, DENIED_RETRY_MS * (1 + random() / 4), signal);
        break;
      case 'failed':
        troubles.happened('failed', outcome.detail);
        await pause(clock, backoff.next(), signal);
        break;
    }
  }
}

async function attempt(
  options: EndpointWatchOptions,
  version: string | undefined,
  signal: AbortSignal,
): Promise<Outcome> {
  try {
    return await (version === undefined ? list(options, signal) : watch(options, version, signal));
  } catch (error) {
    return { kind: 'failed', version, detail: describeError(error) };
  }
}

function list(options: EndpointWatchOptions, signal: AbortSignal): Promise<Outcome> {
  const { api, clock, filter, view } = options;
  const limits = { clock, signal, silenceMs: API_ANSWER_WITHIN_MS };
  const request = { method: 'GET', path: slicesPath(options), query: selector(options) } as const;
  return exchange(api, request, limits, async ({ status, chunks }) => {
    if (status !== 200) return refusal('list', status, undefined);
    const found = parseSliceList(await readText(chunks), filter);
    if (found === undefined)
      return { kind: 'failed', version: undefined, detail: 'the list is none of slices' };
    view.replace(found.slices);
    return { kind: 'listed', version: found.version };
  });
}

function watch(options: EndpointWatchOptions, from: string, signal: AbortSignal): Promise<Outcome> {
  const { api, clock, random } = options;
  const query = {
    ...selector(options),
    watch: 'true',
    resourceVersion: from,
    allowWatchBookmarks: 'true',
    timeoutSeconds: String(Math.round(WATCH_SECONDS * (1 + random() / 4))),
  };
  const limits = { clock, signal, silenceMs: WATCH_SILENCE_MS };
  const request = { method: 'GET', path: slicesPath(options), query } as const;
  return exchange(api, request, limits, async ({ status, chunks }) => {
    if (status === EXPIRED) return { kind: 'over', version: undefined, worked: false };
    if (status !== 200) return refusal('watch', status, from);
    return follow(options, from, chunks);
  });
}

/** Takes the events of a watch until it ends. */
async function follow(
  { clock, filter, troubles, view }: EndpointWatchOptions,
  from: string,
  chunks: AsyncIterable<Uint8Array>,
): Promise<Outcome> {
  const since = clock.now();
  let version = from;
  let events = 0;
  for await (const line of readLines(untilCut(chunks))) {
    const event = parseSliceEvent(line, filter);
    switch (event.kind) {
      case 'changed':
        view.put(event.slice);
        break;
      case 'deleted':
        view.remove(event.name);
        break;
      case 'bookmark':
        break;
      case 'error':
        if (event.status === EXPIRED) return { kind: 'over', version: undefined, worked: false };
        return { kind: 'failed', version: undefined, detail: `${event.status} ${event.message}` };
      case 'unknown':
        // We did not understand a change; a new list shows its result.
        return { kind: 'failed', version: undefined, detail: 'an event of the watch makes no sense' };
    }
    version = event.version;
    events += 1;
    troubles.over();
  }
  // A server that takes watches and drops them at once is not to be asked again at once.
  const worked = events > 0 || clock.now() - since >= MAX_RETRY_MS;
  if (worked) troubles.over();
  return { kind: 'over', version, worked };
}

/** A cut is an end like any other: proxies and API servers restart. */
async function* untilCut(chunks: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  try {
    yield* chunks;
  } catch {
    return;
  }
}

function refusal(call: string, status: number, version: string | undefined): Outcome {
  const kind = isDenial(status) ? 'denied' : 'failed';
  return { kind, version, detail: `the ${call} was answered with status ${status}` };
}

function slicesPath({ namespace }: EndpointWatchOptions): string {
  return `/apis/discovery.k8s.io/v1/namespaces/${encodeURIComponent(namespace)}/endpointslices`;
}

function selector({ service }: EndpointWatchOptions): Record<string, string> {
  return { labelSelector: `kubernetes.io/service-name=${service}` };
}
