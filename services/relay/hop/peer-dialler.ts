// The peer dialler: asks the pod that holds an agent to dial it, and opens hops to the pod where a client waits.
import http from 'node:http';
import net from 'node:net';
import { STREAM } from '#shared/protocol/subprotocols.ts';
import type { Clock } from '#shared/time/clock.ts';
import { dialStream, type StreamDialOutcome } from '#shared/websocket/dial-stream.ts';
import type { DialOrder, OrderOutcome, PeerPods } from '../session/needs.ts';
import type { ClusterKey } from './cluster-key.ts';
import { dialPath, formatDialOrder, hopPath, MAX_DIAL_ORDER_BYTES, standingFrom } from './dial-order.ts';
import { PEER_HEADER, signPeerRequest } from './peer-credentials.ts';

/** How long a pod may take to answer, in milliseconds. A pod that is late may be there all the same. */
export const PEER_ANSWER_WITHIN_MS = 2_000;

/** How long a hop may take from its first packet to its upgrade, in milliseconds. */
export const HOP_DIAL_TIMEOUT_MS = 3_000;

/** Idle connections to each peer that are kept for the next dial. */
const IDLE_CONNECTIONS_PER_PEER = 4;

export class PeerDialler implements PeerPods {
  readonly #key: ClusterKey;
  readonly #clock: Clock;
  readonly #agent = new http.Agent({ keepAlive: true, maxFreeSockets: IDLE_CONNECTIONS_PER_PEER });

  constructor(key: ClusterKey, clock: Clock) {
    this.#key = key;
    this.#clock = clock;
  }

  /** `POST /dial/ID` on the pod at `address`. Never rejects. */
  order(address: string, id: string, order: DialOrder): Promise<OrderOutcome> {
    // A pod may have been started with a POD_ADDRESS that is not an address; that must not end this one.
    if (!URL.canParse(`http://${address}`))
      return Promise.resolve({ kind: 'failed', detail: 'its address is no address' });
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
        [PEER_HEADER]: signPeerRequest(this.#key, { method: 'POST', path, body }, this.#clock.wallTime()),
      },
    });
    let isSilent = false;
    const cancel = this.#clock.after(PEER_ANSWER_WITHIN_MS, () => {
      isSilent = true;
      request.destroy(new Error(`no answer within ${PEER_ANSWER_WITHIN_MS / 1000} s`));
    });
    request.on('response', (response) => {
      const { statusCode = 0 } = response;
      if (statusCode === 202) {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (text: string) => {
          if (body.length < MAX_DIAL_ORDER_BYTES) body += text;
        });
        // Also where it breaks off: the order was passed on.
        response.once('close', () => {
          resolve({ kind: 'sent', standing: standingFrom(body) });
        });
        return;
      }
      response.resume();
      if (statusCode === 404) resolve({ kind: 'not_here' });
      else resolve({ kind: 'failed', detail: `the pod answered ${statusCode}` });
    });
    request.on('error', (error: NodeJS.ErrnoException) => {
      // The other side may have just closed the idle connection, or another pod may have its address now.
      if (request.reusedSocket && !isSilent) resolve(this.#order(address, id, order, false));
      else if (error.code === 'ECONNREFUSED') resolve({ kind: 'unreachable' });
      else resolve({ kind: 'failed', detail: error.message });
    });
    request.end(body);
    return promise.finally(cancel);
  }

  /** Whether anybody listens at `address`; undefined if that is not known. Never rejects. */
  isListening(address: string): Promise<boolean | undefined> {
    const url = URL.parse(`http://${address}`);
    if (url === null) return Promise.resolve(undefined);
    const { promise, resolve } = Promise.withResolvers<boolean | undefined>();
    const { hostname, port } = url;
    const socket = net.connect({ host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 80) });
    const cancel = this.#clock.after(PEER_ANSWER_WITHIN_MS, () => {
      resolve(undefined);
    });
    socket.once('connect', () => {
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code === 'ECONNREFUSED' ? false : undefined);
    });
    return promise.finally(() => {
      cancel();
      socket.destroy();
    });
  }

  /** `WS /hop/NONCE` on the pod at `address`. Never rejects. */
  hop(address: string, nonce: string): Promise<StreamDialOutcome> {
    const path = hopPath(nonce);
    const clock = this.#clock;
    return dialStream(new URL(`ws://${address}${path}`), {
      clock,
      protocols: [STREAM],
      headers: {
        [PEER_HEADER]: signPeerRequest(this.#key, { method: 'GET', path, body: '' }, clock.wallTime()),
      },
      timeoutMs: HOP_DIAL_TIMEOUT_MS,
    });
  }

  /** Closes idle connections. May be called twice. */
  stop(): void {
    this.#agent.destroy();
  }
}
