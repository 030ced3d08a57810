// The two listeners without their routes: public for agents, clients and people; internal for pods and probes.
import https from 'node:https';
import type { Cancel, Clock } from '#shared/time/clock.ts';
import type { Config } from './config.ts';
import type { RefusalRecorder } from './http/door/refusal.ts';
import { answerUndecodable } from './http/door/unrouted.ts';
import { createListener, type Listener, listen, portOf } from './http/listener/listener.ts';
import type { MalformedRecorder } from './http/listener/malformed.ts';
import { reloadTlsFiles } from './http/listener/tls.ts';
import type { LogOutput } from './log/log-output.ts';
import { RepeatedLines } from './log/repeated-lines.ts';
import type { Log } from './session/needs.ts';

export interface ListenersOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly recorder: MalformedRecorder & RefusalRecorder;
  /** Standard output if there is none. */
  readonly output: Pick<LogOutput, 'write'> | undefined;
}

export class Listeners {
  readonly public: Listener;
  readonly internal: Listener;
  readonly log: Log;
  readonly #config: Config;
  readonly #repeated: RepeatedLines;

  /** Opens nothing. */
  constructor({ config, clock, recorder, output }: ListenersOptions) {
    const { podId, logLevel, tls, trustProxy } = config;
    const repeated = new RepeatedLines(clock);
    const onUndecodable = answerUndecodable(recorder);
    const shared = { podId, logLevel, log: output, repeated, recorder, onUndecodable };
    this.#config = config;
    this.#repeated = repeated;
    this.public = createListener({ ...shared, trustProxy, tls });
    this.internal = createListener({ ...shared, trustProxy: false, tls: undefined });
    // A child: while a listener opens it is set to be silent, and the core goes on logging.
    const log = this.public.log.child({});
    this.log = log;
    repeated.tellTo((fields, message) => {
      log.info(fields, message);
    });
  }

  /** Resolves with the port. Rejects with a ListenFault. */
  async openInternal(): Promise<number> {
    const { internalHost: host, internalPort: port } = this.#config;
    await listen(this.internal, 'internal', { host, port });
    return portOf(this.internal);
  }

  /** The same for the public listener. */
  async openPublic(): Promise<number> {
    const { host, port } = this.#config;
    await listen(this.public, 'public', { host, port });
    return portOf(this.public);
  }

  /** Gives the public listener its certificate anew whenever the files change, if it speaks TLS. */
  watchCertificate(): Cancel {
    const { tls } = this.#config;
    const { server } = this.public;
    if (tls === undefined || !(server instanceof https.Server)) return () => undefined;
    return reloadTlsFiles(server, tls, (error) => {
      if (error === undefined) this.log.info({}, 'tls certificate reloaded');
      else this.log.error({ err: error }, 'tls certificate not reloaded');
    });
  }

  /** Cuts every connection. */
  async close(): Promise<void> {
    this.public.server.closeAllConnections();
    this.internal.server.closeAllConnections();
    await Promise.all([this.public.close(), this.internal.close()]);
  }

  /** Logs now what is held back as repeated. May be called twice. */
  flushLog(): void {
    this.#repeated.flush();
  }
}
