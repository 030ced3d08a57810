// A relay of every mood, as far as a control link sees one: a WebSocket server that welcomes, refuses or says nothing.
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { ACCESS_HEADER } from '#shared/protocol/access.ts';
import { CLAIM_HEADER, GRANT_HEADER } from '#shared/protocol/claim.ts';
import { IDENTITY_HEADER, type IdentityDemand, PASS_HEADER } from '#shared/protocol/identity.ts';
import { REFUSALS, type RefusalCode } from '#shared/protocol/refusals.ts';
import { AGENT_CONTROL } from '#shared/protocol/subprotocols.ts';

interface Handshake {
  readonly claim: string | undefined;
  readonly grant: string | undefined;
  readonly path: string | undefined;
  readonly identity: string | undefined;
  readonly pass: string | undefined;
  /** The header with which it asks who may enter. */
  readonly access: string | undefined;
}

/** Answers each handshake as the test last said. */
export class MoodyRelay {
  readonly handshakes: Handshake[] = [];
  readonly links: WebSocket[] = [];
  readonly #server = http.createServer();
  readonly #endpoint = new WebSocketServer({ noServer: true, handleProtocols: () => AGENT_CONTROL });
  /** The refusal of the next handshakes; `silent` opens them and says nothing. */
  mood: RefusalCode | 'welcome' | 'silent' = 'welcome';
  /** Of its refusals. */
  retryAfter: string | undefined;
  /** What it asks of a handshake without a proof, and without the pass that it gives. */
  demand: IdentityDemand | undefined;
  /** Of the next handshakes with a proof these are refused, with the demand in the body. */
  readonly refusedProofs: RefusalCode[] = [];
  /** The message of its refusals. */
  words = 'because the test says so';
  /** In its welcomes, besides the usual. */
  welcome: { readonly pass?: string; readonly lifetimeMs?: number; readonly terminal?: boolean } = {};
  /** Who may enter; a relay without it knows of no such question. */
  access: { readonly authorities: readonly string[]; readonly people: readonly string[] } | undefined;
  /** What it tells the agents to print. */
  publicUrl = 'https://relay.test';

  /** Its URL, without a path. */
  async start(): Promise<string> {
    this.#server.on('upgrade', (request, socket, head) => {
      // An agent that is stopped while it dials.
      socket.on('error', () => undefined);
      const { headers, url } = request;
      // A client that still dials the relay which had this port before.
      if (url?.startsWith('/agent/') !== true) return void socket.end('HTTP/1.1 404 No\r\n\r\n');
      const [claim, grant] = [headers[CLAIM_HEADER]?.toString(), headers[GRANT_HEADER]?.toString()];
      const [identity, pass] = [headers[IDENTITY_HEADER]?.toString(), headers[PASS_HEADER]?.toString()];
      const access = headers[ACCESS_HEADER]?.toString();
      this.handshakes.push({ claim, grant, path: url, identity, pass, access });
      const mood = this.#moodFor(identity, pass);
      if (mood !== 'welcome' && mood !== 'silent') {
        const body = JSON.stringify({
          code: mood,
          message: this.words,
          identity: this.demand,
        });
        const wait = this.retryAfter === undefined ? '' : `Retry-After: ${this.retryAfter}\r\n`;
        socket.end(
          `HTTP/1.1 ${REFUSALS[mood].status} No\r\n${wait}Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
        );
        return;
      }
      this.#endpoint.handleUpgrade(request, socket, head, (link) => {
        this.links.push(link);
        if (mood === 'silent') return;
        const epoch = this.links.length;
        const { publicUrl } = this;
        const usual = { type: 'welcome', id: 'job', epoch, pod: `pod-${epoch}`, publicUrl };
        link.send(JSON.stringify({ ...usual, ...this.welcome }));
        if (this.access !== undefined) link.send(JSON.stringify({ type: 'access', ...this.access }));
      });
    });
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  #moodFor(identity: string | undefined, pass: string | undefined): MoodyRelay['mood'] {
    if (this.demand === undefined) return this.mood;
    if (identity !== undefined) return this.refusedProofs.shift() ?? this.mood;
    return pass !== undefined && pass === this.welcome.pass ? this.mood : 'identity_required';
  }

  stop(): void {
    for (const link of this.links) link.terminate();
    this.#server.close();
    this.#server.closeAllConnections();
  }
}
