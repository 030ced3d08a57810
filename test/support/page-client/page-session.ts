// The SSH client of pages on whatever line a test gives it, up to where somebody has signed in.
import { ClientConnection } from '../../../services/clients/browser/ssh/channels/connection.ts';
import { SignInDialogue } from '../../../services/clients/browser/ssh/sign-in/sign-in-dialogue.ts';
import type { SignIn, SignInOutcome } from '../../../services/clients/browser/ssh/sign-in/sign-in-ways.ts';
import type { NewKeys } from '../../../services/clients/browser/ssh/transport/client-key-exchange.ts';
import {
  SshTransport,
  type SshTransportOptions,
} from '../../../services/clients/browser/ssh/transport/ssh-transport.ts';
import type { SshFault } from '../../../services/clients/browser/ssh/wire/ssh-fault.ts';
import { systemClock } from '../../../services/shared/time/clock.ts';

export interface PageSessionOptions extends Partial<Omit<SshTransportOptions, 'line' | 'onProved'>> {
  readonly user?: string;
  readonly signIn?: SignIn;
  readonly windowBytes?: number;
  readonly onBanner?: (text: string) => void;
}

export interface PageSession {
  readonly transport: SshTransport;
  readonly connection: ClientConnection;
  readonly host: NewKeys;
  /** Resolves when the connection is over. */
  readonly over: Promise<SshFault>;
}

/** A connection whose host has proved its key, before anybody signs in. */
export interface ProvedSession {
  readonly transport: SshTransport;
  readonly host: NewKeys;
  signIn(): Promise<SignInOutcome>;
  /** Once somebody has signed in. */
  connect(): PageSession;
}

/** Rejects with the fault of the connection. */
export async function proveHost(
  line: SshTransportOptions['line'],
  options: PageSessionOptions = {},
): Promise<ProvedSession> {
  const { user = 'abc', signIn = {}, windowBytes, onBanner, ...rest } = options;
  const proved = Promise.withResolvers<NewKeys>();
  const transport = new SshTransport({
    clock: systemClock,
    checkHost: async () => undefined,
    ...rest,
    line,
    onProved: proved.resolve,
  });
  const dialogue = new SignInDialogue({
    transport,
    user,
    signIn,
    onBanner: (text) => onBanner?.(text.rawTextToParse()),
  });
  transport.start({
    message: (payload) => dialogue.message(payload),
    over: (fault) => {
      dialogue.over(fault);
      proved.reject(fault);
    },
  });
  const host = await proved.promise;
  return {
    transport,
    host,
    signIn: () => dialogue.run(),
    connect() {
      const over = Promise.withResolvers<SshFault>();
      const window = windowBytes === undefined ? {} : { windowBytes };
      const connection = new ClientConnection({ transport, onOver: over.resolve, ...window });
      transport.handOver(connection);
      return { transport, connection, host, over: over.promise };
    },
  };
}

/** Signed in, or it throws. */
export async function startPageSession(
  line: SshTransportOptions['line'],
  options: PageSessionOptions = {},
): Promise<PageSession> {
  const session = await proveHost(line, options);
  const outcome = await session.signIn();
  if (outcome.kind !== 'in') throw new Error(`not signed in; the host would take ${outcome.ways.join(', ')}`);
  return session.connect();
}
