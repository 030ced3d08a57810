// The card as an object for machines, and the parts of it that may be passed on.
import type { CardInput } from '../notices/card.ts';
import { clientDownload } from '../notices/client-digests.ts';
import {
  clientUrl,
  downloadCommand,
  pageUrl,
  type SshDestination,
  scpCommand,
  sftpCommand,
  sshCommand,
  terminalLink,
} from '../notices/ssh-command.ts';

import { type EventObject, isoFrom } from './event-object.ts';

/** A card, and the latest that anything can move its deadline to. */
export interface ToldCard extends CardInput {
  /** Milliseconds since the epoch. */
  readonly lastDeadline: number;
}

/** All that the printed card says, the password included where it prints one, and the secret of `--link` in `terminal`. */
export function cardObjectFrom(card: ToldCard): EventObject {
  const { destination, entry, hasTerminal, linkSecret, clientDigests = {} } = card;
  const { publicUrl } = destination;
  return {
    event: 'card',
    time: isoFrom(card.now),
    ...placeFrom(card),
    terminal: hasTerminal ? terminalLink(destination, linkSecret) : undefined,
    entry: entry.kind === 'keys' ? 'keys' : 'password',
    password: entry.kind === 'generated_password' ? entry.password : undefined,
    commands: {
      get: downloadCommand(publicUrl, 'wsproxy', clientDownload('wsproxy', clientDigests)),
      ssh: sshCommand(destination),
      sftp: sftpCommand(destination),
      scp: scpCommand(destination),
    },
    deadline: isoFrom(card.deadline),
    lastDeadline: isoFrom(card.lastDeadline),
  };
}

/** Where people find the job. Whoever learns it can knock, and needs a password or a key to get in. */
export interface OpenPlace {
  readonly id: string;
  /** http(s)://HOST, with a prefix where the relay has one. */
  readonly relay: string;
  /** For wsproxy: ws(s)://HOST/client/ID#SHA256:… */
  readonly url: string;
  /** For a browser. */
  readonly link: string;
  readonly fingerprint: string;
  readonly user: string;
}

/** What of a card may be passed on: no password, and no link that lets in. */
export function placeFrom({
  destination,
  hasTerminal,
}: Pick<ToldCard, 'destination' | 'hasTerminal'>): OpenPlace {
  const { publicUrl, id, fingerprint, user } = destination;
  return {
    id,
    relay: publicUrl,
    url: clientUrl(destination),
    link: linkFrom(destination, hasTerminal),
    fingerprint,
    user,
  };
}

/** The page that is a client, where there is one; else the one with the commands for every system. */
function linkFrom(destination: SshDestination, hasTerminal: boolean): string {
  return (hasTerminal ? terminalLink(destination) : undefined) ?? pageUrl(destination);
}
