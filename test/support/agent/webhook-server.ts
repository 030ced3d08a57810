// A server with webhooks, of every mood: it takes what is posted, refuses it, says nothing, or breaks off.
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { parseRecord } from '#shared/text/json-record.ts';

export type HookMood =
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  /** It reads, and never answers. */
  | 'silent'
  /** It reads, and resets the connection. */
  | 'reset';

export interface HookRequest {
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface WebhookServer {
  readonly port: number;
  readonly requests: HookRequest[];
  /** For the next requests, one each; the last one stays. */
  moods: HookMood[];
}

/** Starts one on loopback, within a test. */
export async function openWebhookServer(...moods: readonly HookMood[]): Promise<WebhookServer> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('error', () => undefined);
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString('utf8');
      const { method, url: path, headers } = request;
      hook.requests.push({ method, path, headers, text, body: parseRecord(text) ?? {} });
      const mood = (hook.moods.length > 1 ? hook.moods.shift() : hook.moods[0]) ?? { status: 200 };
      if (mood === 'silent') return;
      if (mood === 'reset') request.socket.resetAndDestroy();
      else response.writeHead(mood.status, mood.headers).end('ok');
    });
  });
  const hook = { port: 0, requests: [] as HookRequest[], moods: [...moods] };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  hook.port = (server.address() as AddressInfo).port;
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return hook;
}
