// HTTP requests and handshakes, as bytes: on the public listener, and on the internal one by somebody who knows the secret.
import { CLAIM_HEADER, createClaim } from '#shared/protocol/claim.ts';
import { agentPath, agentStreamPath, clientPath } from '#shared/protocol/paths.ts';
import { AGENT_CONTROL, RESUME, STREAM } from '#shared/protocol/subprotocols.ts';
import { ClusterKey } from '../../../services/relay/hop/cluster-key.ts';
import { dialPath, formatDialOrder, hopPath } from '../../../services/relay/hop/dial-order.ts';
import { PEER_HEADER, signPeerRequest } from '../../../services/relay/hop/peer-credentials.ts';
import { sealTicket, TICKET_LIFE_MS } from '../../../services/relay/hop/ticket.ts';
import { mutatedJson } from '../json-mutation.ts';
import type { Kind } from '../kind.ts';
import { mutated } from '../mutation.ts';
import { connectStranger, handshake, leave, request } from '../wire.ts';
import { AGENT_ID, CLUSTER_SECRET } from '../world.ts';

const key = new ClusterKey([CLUSTER_SECRET]);

/** The head of what a browser or another balancer might send first. */
const OTHER_PROTOCOLS = [
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0', 'latin1'),
  Buffer.from('16030100c8010000c40303', 'hex'),
  Buffer.from('PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n'),
  Buffer.from('0d0a0d0a000d0a515549540a2111000cc0000201c0000202dc0401bb', 'hex'),
  Buffer.from('SSH-2.0-OpenSSH_9.2\r\n'),
];

function publicCorpus(podAddress: string): readonly Buffer[] {
  const expiresAt = Date.now() + TICKET_LIFE_MS;
  const ticket = sealTicket(key, {
    nonce: 'n',
    id: AGENT_ID,
    address: podAddress,
    resumable: true,
    expiresAt,
  });
  const texts = [
    request('GET /'),
    request('GET /', {
      'Accept-Encoding': 'gzip, zstd;q=0.5',
      Forwarded: 'for="[2001:db8::1]:80";proto=https',
    }),
    request('HEAD /docs/agent', { Range: 'bytes=0-1023' }),
    request('GET /docs/agent-linux-x64', { Range: 'bytes=5-', 'If-None-Match': '"x"' }),
    request('GET /docs/SHA256SUMS', {
      'X-Forwarded-For': '192.0.2.1, 2001:db8::1',
      'X-Forwarded-Proto': 'https',
    }),
    request('GET /sessions', { Accept: 'application/json' }),
    request('POST /client/job', { 'Transfer-Encoding': 'chunked' }, '5\r\nhello\r\n0\r\n\r\n'),
    request('GET /no%20where?x=%41&wait=1', { 'Content-Length': '3' }, 'abc'),
    handshake(clientPath(AGENT_ID), { 'Sec-WebSocket-Protocol': `${RESUME}, ${STREAM}` }),
    handshake(`${clientPath('nobody')}?wait=1`, { 'Sec-WebSocket-Protocol': STREAM }),
    handshake(agentPath('other'), { 'Sec-WebSocket-Protocol': AGENT_CONTROL, [CLAIM_HEADER]: createClaim() }),
    handshake(agentStreamPath(AGENT_ID, ticket), { 'Sec-WebSocket-Protocol': STREAM }),
    request('GET /') + handshake(clientPath(AGENT_ID), { 'Sec-WebSocket-Protocol': STREAM }),
  ];
  return [...texts.map((text) => Buffer.from(text, 'latin1')), ...OTHER_PROTOCOLS];
}

function signed(method: string, path: string, body = ''): Readonly<Record<string, string>> {
  return { [PEER_HEADER]: signPeerRequest(key, { method, path, body }, Date.now()) };
}

function order(body: string): string {
  const path = dialPath(AGENT_ID);
  const headers = { 'Content-Type': 'application/json', 'Content-Length': String(Buffer.byteLength(body)) };
  return request(`POST ${path}`, { ...headers, ...signed('POST', path, body) }, Buffer.from(body));
}

const ORDER = { ticket: 'dGlja2V0', client: '192.0.2.1', resumable: true } as const;

function internalCorpus(): readonly Buffer[] {
  const hop = hopPath('nonce');
  const texts = [
    request('GET /metrics'),
    request('GET /healthz'),
    request('GET /readyz', { Connection: 'close' }),
    request('GET /sessions'),
    order(formatDialOrder(ORDER)),
    handshake(hop, { 'Sec-WebSocket-Protocol': STREAM, ...signed('GET', hop) }),
  ];
  return texts.map((text) => Buffer.from(text, 'latin1'));
}

export const publicRequests: Kind = {
  name: 'public-requests',
  share: 190_000,
  atATime: 64,
  open({ port, podAddress }) {
    const corpus = publicCorpus(podAddress);
    return Promise.resolve({
      async play(cases) {
        const bytes = cases.next((chance) => mutated(corpus, chance));
        if (bytes === undefined) return;
        const socket = connectStranger(port);
        socket.write(bytes);
        await leave(socket);
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    });
  },
};

export const internalRequests: Kind = {
  name: 'internal-requests',
  share: 60_000,
  atATime: 64,
  open({ internalPort }) {
    // Signatures grow stale, and are wanted fresh.
    let corpus = internalCorpus();
    const timer = setInterval(() => {
      corpus = internalCorpus();
    }, 10_000);
    return Promise.resolve({
      async play(cases) {
        const bytes = cases.next((chance) =>
          // Half of them are signed as they are: an order that this cluster made, and cannot have made.
          chance.oneIn(2)
            ? mutated(corpus, chance)
            : Buffer.from(order(mutatedJson([ORDER], chance).toString()), 'latin1'),
        );
        if (bytes === undefined) return;
        const socket = connectStranger(internalPort);
        socket.write(bytes);
        await leave(socket);
      },
      async [Symbol.asyncDispose]() {
        clearInterval(timer);
        return Promise.resolve();
      },
    });
  },
};
