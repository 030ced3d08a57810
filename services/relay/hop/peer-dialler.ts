// The peer dialler: asks the pod that holds an agent to dial it, and opens hops to the pod where a client waits.
import { randomBytes } from 'node:crypto';
import http from 'node:http';
import type { Clock } from '#shared/clock.ts';
import { frameStream } from '#shared/frames/frame-stream.ts';
import { acceptValueFor } from '#shared/frames/handshake.ts';
import { STREAM } from '#shared/protocol/subprotocols.ts';
import type { ByteStream } from '#shared/stream/byte-stream.ts';
import type { ClusterKey } from './cluster-key.ts';
import type { DialOrder } from './dial-order.ts';
import { dialPath, formatDialOrder, hopPath } from './dial-order.ts';
import { PEER_HEADER, signPeerRequest } from './peer-credentials.ts';

/** A pod that does not answer within this time is as good as gone, in milliseconds. */
export const PEER_ANSWER_WITHIN_MS = 2_000;

/** From the first packet of a hop to its upgrade, in milliseconds. */
export const HOP_DIAL_TIMEOUT_MS = 3_000;

/** Idle connections to each peer that are kept for the next dial. */
const IDLE_CONNECTIONS_PER_PEER = 4;

export type OrderOutcome =
  /** The agent was told. */
  | { readonly kind: 'sent' }
  /** The pod is there, and the agent is not on it. */
  | { readonly kind: 'not_here' }
  /** Nothing answered, or something that is no pod of this cluster. */
  | { readonly kind: 'unreachable'; readonly detail: string };

export type HopOutcome =
  | { readonly kind: 'open'; readonly stream: ByteStream }
  /** Nobody waits there any more. */
  | { readonly kind: 'refused'; readonly status: number }
  | { readonly kind: 'unreachable'; readonly detail: string };

export class PeerDialler {
  readonly #key: ClusterKey;
  readonly #clock: Clock;
  readonly #agent = new http.Agent({ keepAlive: true, maxFreeSockets: IDLE_CONNECTIONS_PER_PEER });

  constructor(key: ClusterKey, clock: Clock) {
    this.#key = key;
    this.#clock = clock;
  }

  /** `POST /dial/ID` on the pod at `address`. Never rejects. */
  order(address: string, id: string, order: DialOrder): Promise<OrderOutcome> {
    return this.#order(address, id, order, this.#agent);
  }

  #order(address: string, id: string, order: DialOrder, agent: http.Agent | false): Promise<OrderOutcome> {
    const path = dialPath(id);
    const body = formatDialOrder(order);
    const { promise, resolve } = Promise.withResolvers<OrderOutcome>();
    const request = http.request(`http://${address}${path}`, {
      method: 'POST',
      agent,
      headers: {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        [PEER_HEADER]: signPeerRequest(this.#key, { method: 'POST', path, body }, this.#clock.now()),
      },
    });
    let isSilent = false;
    const cancel = this.#clock.after(PEER_ANSWER_WITHIN_MS, () => {
      isSilent = true;
      request.destroy(new Error(`no answer within ${PEER_ANSWER_WITHIN_MS / 1000} s`));
    });
    request.on('response', (response) => {
      response.resume();
      const { statusCode = 0 } = response;
      if (statusCode === 202) resolve({ kind: 'sent' });
      else if (statusCode === 404) resolve({ kind: 'not_here' });
      else resolve({ kind: 'unreachable', detail: `the pod answered ${statusCode}` });
    });
    request.on('error', (error) => {
      // A connection that was kept may be closed by the other side at this very moment, or be to a pod before this one.
      if (request.reusedSocket && !isSilent) resolve(this.#order(address, id, order, false));
      else resolve({ kind: 'unreachable', detail: error.message });
    });
    request.end(body);
    return promise.finally(cancel);
  }

  /** `WS /hop/NONCE` on the pod at `address`. Never rejects. */
  hop(address: string, nonce: string): Promise<HopOutcome> {
    const path = hopPath(nonce);
    const clock = this.#clock;
    const websocketKey = randomBytes(16).toString('base64');
    const { promise, resolve } = Promise.withResolvers<HopOutcome>();
    const request = http.request(`http://${address}${path}`, {
      // A socket of its own: it becomes the hop.
      agent: false,
      headers: {
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': websocketKey,
        'sec-websocket-protocol': STREAM,
        [PEER_HEADER]: signPeerRequest(this.#key, { method: 'GET', path, body: '' }, clock.now()),
      },
    });
    const cancel = clock.after(HOP_DIAL_TIMEOUT_MS, () => {
      request.destroy(new Error(`no answer within ${HOP_DIAL_TIMEOUT_MS / 1000} s`));
    });
    request.on('upgrade', (response, socket, head) => {
      if (response.headers['sec-websocket-accept'] === acceptValueFor(websocketKey)) {
        resolve({ kind: 'open', stream: frameStream({ socket, head, isClient: true, clock }) });
        return;
      }
      socket.destroy();
      resolve({ kind: 'unreachable', detail: 'the pod does not speak WebSocket' });
    });
    request.on('response', (response) => {
      response.resume();
      resolve({ kind: 'refused', status: response.statusCode ?? 0 });
    });
    request.on('error', (error) => {
      resolve({ kind: 'unreachable', detail: error.message });
    });
    request.end();
    return promise.finally(cancel);
  }

  /** Closes idle connections. May be called twice. */
  stop(): void {
    this.#agent.destroy();
  }
}
