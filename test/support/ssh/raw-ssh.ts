// An SSH client that sends what it is told to, right or wrong, and shows what comes back: ssh2's, from the key exchange on.
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import ssh2, { type CipherAlgorithm } from 'ssh2';
import type { DecipherVerdict } from '../../../services/agent/ssh/ssh2/fields.ts';
import { sendMessage } from '../../../services/agent/ssh/ssh2/outbound.ts';

type OnPayload = (payload: Buffer) => DecipherVerdict;

/** The private fields of ssh2's client that are used here; they are those of its server. */
interface ClientFields {
  readonly _protocol: { _onPayload: OnPayload };
  readonly _sock: Socket;
}

/** DISCONNECT; what ends the connection in words counts as an end. */
const DISCONNECT = 1;
/** What a server says unasked: DEBUG, EXT_INFO, global requests (its other host keys). */
const UNASKED: ReadonlySet<number> = new Set([4, 7, 80]);
const UNIMPLEMENTED = 3;
/** From here on ssh2 is not shown them: new keys and services. */
const FIRST_UNSEEN = 5;
const DEADLINE_MS = 20_000;

interface CommonOptions {
  readonly user: string;
  readonly keyFile: string;
  /** Where to stop doing as one should. */
  readonly until: 'handshake' | 'login';
  /** The only one that it offers; ssh2's order without. */
  readonly cipher?: CipherAlgorithm;
}

/** To a port of this machine, or over a stream that leads to the server. */
export type RawSshOptions = CommonOptions & ({ readonly port: number } | { readonly stream: Duplex });

/** A connection in use. */
export interface RawSsh {
  /** In one go: nothing happens between two of them. */
  send(...payloads: readonly Buffer[]): void;
  /** Resolves with all messages up to the first of this type, or up to the end of the connection. */
  receive(type: number): Promise<readonly Buffer[]>;
  /** Whether the server has ended it. */
  readonly isClosed: boolean;
  /** From now on it reads nothing, so that what is sent to it piles up. */
  stall(): void;
  end(): void;
}

export async function connectRawSsh(options: RawSshOptions): Promise<RawSsh> {
  const { user, keyFile, until, cipher } = options;
  const client = new ssh2.Client();
  const inbox: Buffer[] = [];
  let state: 'preparing' | 'raw' | 'closed' = 'preparing';
  let look = (): void => {};

  const way = 'stream' in options ? { sock: options.stream } : { host: '127.0.0.1', port: options.port };
  const login = { ...way, username: user, privateKey: readFileSync(keyFile) };
  client.connect(cipher === undefined ? login : { ...login, algorithms: { cipher: [cipher] } });
  const { _protocol: protocol, _sock: socket } = client as unknown as ClientFields;
  const original = protocol._onPayload;
  protocol._onPayload = (payload) => {
    const type = payload[0] ?? 0;
    if (state !== 'raw' || (type < FIRST_UNSEEN && type !== UNIMPLEMENTED)) return original(payload);
    if (!UNASKED.has(type)) inbox.push(Buffer.from(payload));
    look();
    return undefined;
  };
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  client.on('error', (error) => {
    reject(error);
  });
  client.on('close', () => {
    state = 'closed';
    reject(new Error('the connection ended before it was in use'));
    look();
  });
  const goRaw = (): void => {
    state = 'raw';
    resolve();
  };
  if (until === 'login') client.once('ready', goRaw);
  else client.once('handshake', goRaw);
  await promise;

  return {
    send(...payloads) {
      socket.cork();
      for (const payload of payloads) sendMessage(client as never, payload);
      socket.uncork();
    },
    async receive(type) {
      const seen = Promise.withResolvers<void>();
      const deadline = setTimeout(() => {
        seen.reject(
          new Error(`message ${type} did not come, only ${inbox.map((message) => message[0]).join()}`),
        );
      }, DEADLINE_MS);
      look = () => {
        if (state === 'closed' || inbox.some((message) => message[0] === type)) seen.resolve();
      };
      look();
      try {
        await seen.promise;
      } finally {
        clearTimeout(deadline);
      }
      const index = inbox.findIndex((message) => message[0] === type);
      return inbox
        .splice(0, index < 0 ? inbox.length : index + 1)
        .filter((message) => message[0] !== DISCONNECT);
    },
    get isClosed() {
      return state === 'closed';
    },
    stall() {
      socket.pause();
    },
    end() {
      client.destroy();
    },
  };
}
