// The announcement: all that the job log says when the first relay has taken the agent.
import { type PrintableLine, printableLine } from '#shared/text/printable.ts';
import type { CiProvider } from '../job/ci-job.ts';
import { annotationFrom } from './annotation.ts';
import { type CardInput, cardFrom, quietCardFrom } from './card.ts';
import { sshCommand } from './ssh-command.ts';

export interface AnnouncementInput extends CardInput {
  readonly provider: CiProvider | undefined;
  readonly isQuiet: boolean;
}

/** The card, and what a CI system shows in a second place; one string per line. */
export function announcementFrom({ provider, isQuiet, ...card }: AnnouncementInput): PrintableLine[] {
  const lines = isQuiet ? quietCardFrom(card) : cardFrom(card);
  return [...lines.map(printableLine), ...annotationFrom(provider, sshCommand(card.destination))];
}
