// Everything that is mended in ssh2 for a new connection, in one place.
import type { Connection } from 'ssh2';
import { enforceChannelRules } from './channel-limits.ts';
import { answerChannelRequests } from './channel-requests.ts';
import { watchExchanges } from './exchange-watch.ts';
import { judgeGuesses } from './guessed-exchange.ts';
import { offerHybrid } from './hybrid-exchange.ts';
import { type Interceptors, interceptInbound } from './inbound.ts';
import { laterExchanges } from './later-exchange.ts';
import { refuseMisplacedMessages } from './message-order.ts';
import { takeLargePackets } from './packet-limit.ts';
import { makePacketsRoomy } from './roomy-packets.ts';
import { takeRepeatedLogins } from './service-request.ts';
import { offerSignatureAlgorithms } from './signature-algorithms.ts';
import { adjustOpenWindowsOnly, adjustWindowsEarly } from './window-adjust.ts';

export interface MendOptions {
  /** The signature algorithms offered to the client for its login. */
  readonly signatureAlgorithms: readonly string[];
  readonly exchangeBegun: () => void;
  readonly exchangeDone: () => void;
}

/** To be called from the server's `connection` event. */
export function mendConnection(connection: Connection, options: MendOptions): void {
  const interceptors: Interceptors = [];
  offerHybrid(connection, interceptors);
  judgeGuesses(connection, interceptors);
  offerSignatureAlgorithms(connection, interceptors, options.signatureAlgorithms);
  watchExchanges(connection, interceptors, { begun: options.exchangeBegun, done: options.exchangeDone });
  takeRepeatedLogins(connection, interceptors);
  answerChannelRequests(connection, interceptors);
  enforceChannelRules(connection, interceptors);
  adjustWindowsEarly(connection, interceptors);
  refuseMisplacedMessages(connection, interceptors);
  interceptInbound(connection, interceptors, laterExchanges(connection));
  adjustOpenWindowsOnly(connection);
  takeLargePackets(connection);
  connection.on('handshake', () => {
    makePacketsRoomy(connection);
  });
}
