// A stand-in for the Kubernetes API server: endpoint slices by list and watch, patches of pods, and its bad days.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createSecureServer } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { text } from 'node:stream/consumers';

export const NAMESPACE = 'ci';
export const SERVICE = 'converge-internal';
const PORT = 9090;

export type Call = 'list' | 'watch' | 'patch';

/** A status, or the way in which there is no answer. */
export type BadAnswer = number | 'silence' | 'reset' | 'not json';

export interface Asked {
  readonly call: Call;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: IncomingMessage['headers'];
  readonly httpVersion: string;
  readonly body: string;
}

/** Its conditions change nothing but what a reader makes of them. */
export interface StandInPod {
  readonly name: string;
  readonly ip: string;
  readonly conditions?: {
    readonly ready?: boolean;
    readonly serving?: boolean;
    readonly terminating?: boolean;
  };
}

export interface KubeApi {
  readonly url: string;
  /** Every request that came, in order. */
  readonly asked: readonly Asked[];
  /** How many of `call` came. */
  count(call: Call): number;
  /** Watches and unanswered requests. */
  readonly open: number;
  /** Connections of any kind. */
  readonly connections: number;
  /** Adds or replaces a slice, and tells the watches. */
  put(slice: string, pods: readonly StandInPod[], options?: SliceOptions): void;
  remove(slice: string): void;
  bookmark(): void;
  /** Writes to every watch what is not an event of a slice. */
  say(text: string): void;
  /** Changes before now are forgotten: who watches from there gets a 410, as a status or as an event. */
  forget(as: 'status' | 'event'): void;
  /** Ends all watches: in order, by a reset, or by a reset in the middle of a line. */
  endWatches(how: 'end' | 'reset' | 'mid-line'): void;
  /** Answers `call` badly from here on; undefined: well again. */
  answer(call: Call, bad: BadAnswer | undefined): void;
  close(): Promise<void>;
}

export interface SliceOptions {
  readonly portName?: string;
  readonly addressType?: 'IPv4' | 'IPv6';
}

export interface KubeApiOptions {
  /** The bearer token without which everything is 401. */
  readonly token?: string;
  readonly tls?: { readonly key: string; readonly cert: string };
}

interface Change {
  readonly version: number;
  readonly line: string;
}

type Listener = (request: IncomingMessage, response: ServerResponse) => void;

const KEEP_ALIVE_MS = 600_000;
const PATCH_TYPES = ['application/merge-patch+json', 'application/strategic-merge-patch+json'];
const SLICES_PATH = `/apis/discovery.k8s.io/v1/namespaces/${NAMESPACE}/endpointslices`;
const PODS_PATH = `/api/v1/namespaces/${NAMESPACE}/pods/`;

export async function startKubeApi(options: KubeApiOptions = {}): Promise<KubeApi> {
  let version = 100;
  let oldest = 0;
  let goneAs: 'status' | 'event' = 'status';
  const slices = new Map<string, object>();
  let changes: Change[] = [];
  const asked: Asked[] = [];
  const open = new Set<ServerResponse>();
  const watches = new Set<ServerResponse>();
  const bad = new Map<Call, BadAnswer>();
  const sockets = new Set<Socket>();

  function record(type: string, object: object): void {
    const line = `${JSON.stringify({ type, object })}\n`;
    changes.push({ version, line });
    for (const watch of watches) watch.write(line);
  }

  function listSlices(response: ServerResponse): void {
    const list = { kind: 'EndpointSliceList', metadata: { resourceVersion: String(version) } };
    sendJson(response, 200, { ...list, items: [...slices.values()] });
  }

  function watchSlices({ query }: Asked, response: ServerResponse): void {
    const from = Number(query['resourceVersion']);
    const isGone = from < oldest;
    if (isGone && goneAs === 'status') {
      sendJson(response, 410, statusOf(410, 'Expired'));
      return;
    }
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    if (isGone) {
      response.end(`${JSON.stringify({ type: 'ERROR', object: statusOf(410, 'Expired') })}\n`);
      return;
    }
    for (const change of changes) if (change.version > from) response.write(change.line);
    watches.add(response);
    response.on('close', () => watches.delete(response));
  }

  function patchPod({ path, headers, body }: Asked, response: ServerResponse): void {
    if (!PATCH_TYPES.includes(headers['content-type'] ?? '')) {
      sendJson(response, 415, statusOf(415, 'UnsupportedMediaType'));
      return;
    }
    const name = path.slice(PODS_PATH.length);
    sendJson(response, 200, { kind: 'Pod', metadata: { name, ...JSON.parse(body).metadata } });
  }

  function answerBadly(answer: BadAnswer, response: ServerResponse): void {
    switch (answer) {
      case 'silence':
        return;
      case 'reset':
        response.socket?.resetAndDestroy();
        return;
      case 'not json':
        response.end('upstream connect error');
        return;
      default:
        sendJson(response, answer, statusOf(answer, 'Bad'));
    }
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    open.add(response);
    response.on('close', () => open.delete(response));
    const url = new URL(request.url ?? '/', 'http://api');
    const query = Object.fromEntries(url.searchParams);
    const call = callOf(request.method, url.pathname, query);
    if (call === undefined) {
      sendJson(response, 404, statusOf(404, 'NotFound'));
      return;
    }
    const { headers, httpVersion } = request;
    const item = { call, path: url.pathname, query, headers, httpVersion, body: await text(request) };
    asked.push(item);
    const answer = bad.get(call);
    if (answer !== undefined) answerBadly(answer, response);
    else if (options.token !== undefined && request.headers.authorization !== `Bearer ${options.token}`) {
      sendJson(response, 401, statusOf(401, 'Unauthorized'));
    } else if (call === 'list') listSlices(response);
    else if (call === 'watch') watchSlices(item, response);
    else patchPod(item, response);
  }

  const listener: Listener = (request, response) => {
    handle(request, response).catch((error: unknown) => {
      response.destroy(error instanceof Error ? error : undefined);
    });
  };
  const server =
    options.tls === undefined ? createServer(listener) : createHttp2Server(options.tls, listener);
  // Announced to the client, which would otherwise close idle connections on its own before long.
  if ('keepAliveTimeout' in server) server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  return {
    url: `${options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    asked,
    count: (call) => asked.filter((item) => item.call === call).length,
    get open() {
      return open.size;
    },
    get connections() {
      return sockets.size;
    },
    put(name, pods, sliceOptions) {
      version += 1;
      const type = slices.has(name) ? 'MODIFIED' : 'ADDED';
      const slice = sliceOf(name, version, pods, sliceOptions);
      slices.set(name, slice);
      record(type, slice);
    },
    remove(name) {
      version += 1;
      slices.delete(name);
      record('DELETED', sliceOf(name, version, []));
    },
    bookmark() {
      version += 1;
      const metadata = { resourceVersion: String(version), creationTimestamp: null };
      const object = { kind: 'EndpointSlice', apiVersion: 'discovery.k8s.io/v1', metadata };
      for (const watch of watches) watch.write(`${JSON.stringify({ type: 'BOOKMARK', object })}\n`);
    },
    say(words) {
      for (const watch of watches) watch.write(words);
    },
    forget(as) {
      goneAs = as;
      version += 1;
      oldest = version;
      changes = [];
    },
    endWatches(how) {
      for (const watch of watches) {
        if (how === 'end') watch.end();
        else if (how === 'reset') watch.socket?.resetAndDestroy();
        else watch.write('{"type":"DELETED","object":{"metadata":{"na', () => watch.socket?.destroy());
      }
    },
    answer(call, answer) {
      if (answer === undefined) bad.delete(call);
      else bad.set(call, answer);
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      if (server.listening) {
        server.close();
        await once(server, 'close');
      }
    },
  };
}

/** As the real one: HTTP/2, through the interface that Node has in common with HTTP/1. */
function createHttp2Server(tls: { key: string; cert: string }, listener: Listener): Server {
  return createSecureServer({ ...tls, allowHTTP1: true }, listener as never) as unknown as Server;
}

function callOf(method: string | undefined, path: string, query: Record<string, string>): Call | undefined {
  if (method === 'PATCH' && path.startsWith(PODS_PATH)) return 'patch';
  const isOurs = query['labelSelector'] === `kubernetes.io/service-name=${SERVICE}`;
  if (method !== 'GET' || path !== SLICES_PATH || !isOurs) return undefined;
  return query['watch'] === 'true' ? 'watch' : 'list';
}

/** An endpoint slice as the API server writes it. */
export function sliceOf(
  name: string,
  version: number,
  pods: readonly StandInPod[],
  { portName = 'internal', addressType = 'IPv4' }: SliceOptions = {},
): object {
  return {
    kind: 'EndpointSlice',
    metadata: {
      name,
      resourceVersion: String(version),
      labels: { 'kubernetes.io/service-name': SERVICE },
    },
    addressType,
    ports: [
      { name: 'http', port: 8080, protocol: 'TCP' },
      { name: portName, port: PORT, protocol: 'TCP' },
    ],
    endpoints: pods.map((pod) => ({
      addresses: [pod.ip],
      conditions: { ready: true, serving: true, terminating: false, ...pod.conditions },
      targetRef: { kind: 'Pod', namespace: NAMESPACE, name: pod.name },
    })),
  };
}

function statusOf(code: number, reason: string): object {
  return { kind: 'Status', status: 'Failure', code, reason, message: `stand-in: ${reason}` };
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
