// Lists of keys on a web server of the test, in the places of GitHub and GitLab.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fetchThroughProxies } from '../../../services/agent/access/proxied-fetch.ts';
import type { Fetch } from '../../../services/agent/access/source.ts';

export interface KeyLists extends AsyncDisposable {
  readonly origin: string;
  /** Fetches from here whatever is asked of any host: `https://github.com/ada.keys` is `/github.com/ada.keys`. */
  readonly fetch: Fetch;
  /** All that was asked for, in order, with its token. */
  readonly asked: { readonly path: string; readonly authorization: string | undefined }[];
  /** By path: a text, a status, or whoever answers. */
  readonly answers: Map<
    string,
    string | number | ((request: IncomingMessage, response: ServerResponse) => void)
  >;
}

/** Starts the server; what has no answer is answered with 404. */
export async function startKeyLists(): Promise<KeyLists> {
  const answers: KeyLists['answers'] = new Map();
  const asked: KeyLists['asked'] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    asked.push({ path, authorization: request.headers.authorization });
    const answer = answers.get(path) ?? 404;
    if (typeof answer === 'function') answer(request, response);
    else if (typeof answer === 'number') response.writeHead(answer).end('no');
    else response.end(answer);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const throughHere = fetchThroughProxies({});
  return {
    origin,
    asked,
    answers,
    fetch: (url, init) => throughHere(url.replace(/^https:\/(?=\/)/, origin), { ...init, allowsHttp: true }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
