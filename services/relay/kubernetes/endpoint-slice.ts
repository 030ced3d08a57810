// Endpoint slices as the API server writes them: lists and watch events in, the pods that they name out.
// https://kubernetes.io/docs/reference/kubernetes-api/discovery/endpoint-slice-v1/
import { isIPv6 } from 'node:net';
import { type JsonRecord, parseRecord, recordOf } from '#shared/text/json-record.ts';
import type { Peer } from './cluster.ts';

/** The pods behind a Service are spread over several of these. */
export interface EndpointSlice {
  readonly name: string;
  readonly peers: readonly Peer[];
}

export interface SliceList {
  readonly slices: readonly EndpointSlice[];
  /** Where a watch goes on from. */
  readonly version: string;
}

export type SliceEvent =
  | { readonly kind: 'changed'; readonly slice: EndpointSlice; readonly version: string }
  | { readonly kind: 'deleted'; readonly name: string; readonly version: string }
  /** Nothing changed until this version. */
  | { readonly kind: 'bookmark'; readonly version: string }
  /** The watch is over; with status 410 the versions after ours are forgotten. */
  | { readonly kind: 'error'; readonly status: number; readonly message: string }
  | { readonly kind: 'unknown' };

/** Which of a slice's ports and addresses count. */
export interface SliceFilter {
  /** The name of the Service's port to the internal listener. */
  readonly portName: string;
  /** A Service of two families has slices of both; a pod is to be seen once. */
  readonly family: 'IPv4' | 'IPv6';
}

/** Throws a SyntaxError for what is not JSON; undefined is what is not a list of slices. */
export function parseSliceList(text: string, filter: SliceFilter): SliceList | undefined {
  const list = fieldsOf(JSON.parse(text));
  const version = textOf(fieldsOf(list['metadata'])['resourceVersion']);
  if (version === undefined || !Array.isArray(list['items'])) return undefined;
  const slices = list['items'].map((item) => sliceFrom(fieldsOf(item), filter));
  return { slices: slices.filter((slice) => slice !== undefined), version };
}

/** One line of a watch. Never throws: what makes no sense is `unknown`. */
export function parseSliceEvent(line: string, filter: SliceFilter): SliceEvent {
  const event = parseRecord(line) ?? {};
  const object = fieldsOf(event['object']);
  const metadata = fieldsOf(object['metadata']);
  const name = textOf(metadata['name']);
  const version = textOf(metadata['resourceVersion']);
  switch (event['type']) {
    case 'ADDED':
    case 'MODIFIED': {
      const slice = sliceFrom(object, filter);
      return slice && version !== undefined ? { kind: 'changed', slice, version } : { kind: 'unknown' };
    }
    case 'DELETED':
      return name !== undefined && version !== undefined
        ? { kind: 'deleted', name, version }
        : { kind: 'unknown' };
    case 'BOOKMARK':
      return version === undefined ? { kind: 'unknown' } : { kind: 'bookmark', version };
    case 'ERROR':
      return {
        kind: 'error',
        status: typeof object['code'] === 'number' ? object['code'] : 0,
        message: textOf(object['message']) ?? '',
      };
    default:
      return { kind: 'unknown' };
  }
}

function sliceFrom(slice: JsonRecord, { portName, family }: SliceFilter): EndpointSlice | undefined {
  const name = textOf(fieldsOf(slice['metadata'])['name']);
  if (name === undefined) return undefined;
  const port = listOf(slice['ports']).find((port) => port['name'] === portName)?.['port'];
  if (slice['addressType'] !== family || typeof port !== 'number') return { name, peers: [] };
  const peers = listOf(slice['endpoints']).map((endpoint) => peerFrom(endpoint, port));
  return { name, peers: peers.filter((peer) => peer !== undefined) };
}

/** Whatever its conditions: a pod that is not ready yet, or terminates, is there until its endpoint is not. */
function peerFrom(endpoint: JsonRecord, port: number): Peer | undefined {
  const target = fieldsOf(endpoint['targetRef']);
  const name = textOf(target['name']);
  // Further addresses have no defined meaning.
  const host = Array.isArray(endpoint['addresses']) ? textOf(endpoint['addresses'][0]) : undefined;
  if (target['kind'] !== 'Pod' || name === undefined || host === undefined) return undefined;
  return { name, address: isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}` };
}

function fieldsOf(value: unknown): JsonRecord {
  return recordOf(value) ?? {};
}

function listOf(value: unknown): readonly JsonRecord[] {
  return Array.isArray(value) ? value.map(fieldsOf) : [];
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
