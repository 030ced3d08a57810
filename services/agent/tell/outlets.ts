// The outlets: where an agent tells what happens besides the job log for people. Standard output for machines, the output file,
// the summary of the run, webhooks.
import type { Environment } from '#shared/machine/environment.ts';
import { jsonLineFrom } from '#shared/text/json-line.ts';
import type { PrintableLine } from '#shared/text/printable.ts';
import type { Clock } from '#shared/time/clock.ts';
import type { CiJob } from '../job/ci-job.ts';
import { refusalAnnotationFrom } from '../notices/annotation.ts';
import { announcementFrom } from '../notices/announcement.ts';
import { type LogEvent, logLineFrom } from '../notices/log-line.ts';
import { sshCommand } from '../notices/ssh-command.ts';
import { appendLines } from './appended-file.ts';
import { cardObjectFrom, placeFrom, type ToldCard } from './card-object.ts';
import { eventObjectFrom } from './event-object.ts';
import { summaryFrom, summaryPlace } from './job-summary.ts';
import type { NoticeTarget } from './notice-target.ts';
import { Notifier } from './notifier.ts';
import { outputsFrom } from './output-file.ts';

/** What was asked for, by the names of the options. */
export interface OutletSettings {
  readonly isQuiet: boolean;
  readonly isJson: boolean;
  /** Undefined: none. */
  readonly outputFile: string | undefined;
  readonly hasSummary: boolean;
  readonly notify: readonly NoticeTarget[];
}

export interface OutletsOptions {
  readonly settings: OutletSettings;
  readonly job: CiJob | undefined;
  readonly env: Environment;
  readonly clock: Clock;
  readonly random: () => number;
  /** Takes a line about something that is wrong; the agent goes on. */
  readonly complain: (line: string) => void;
}

/** Opens nothing before the job is open. */
export class Outlets {
  readonly #options: OutletsOptions;
  readonly #notifier: Notifier;

  constructor(options: OutletsOptions) {
    const { settings, env, clock, random, complain } = options;
    this.#options = options;
    this.#notifier = new Notifier({ targets: settings.notify, clock, random, proxies: env, complain });
  }

  /** The line of an event; undefined where it has been said otherwise. */
  readonly lineFrom = (event: LogEvent, now: number): PrintableLine | undefined => {
    if (this.#options.settings.isJson) return jsonLineFrom(eventObjectFrom(event, now));
    return event.kind === 'failed' ? undefined : logLineFrom(event, now);
  };

  /** Takes every event. */
  readonly hear = (event: LogEvent, now: number): void => {
    this.#notifier.hear(event, now);
  };

  /** The job is open: tells it everywhere, and returns what is to be printed. Who reads that finds all files written. */
  opened(card: ToldCard, deadline: () => number): readonly PrintableLine[] {
    const { settings, job } = this.#options;
    const { isJson, isQuiet, notify } = settings;
    const object = cardObjectFrom(card);
    this.#writeOutputs(card);
    const orders = this.#writeSummary(card);
    if (notify.length > 0) {
      const entersBy = card.entry.kind === 'keys' ? 'keys' : 'password';
      const subject = {
        place: placeFrom(card),
        sshCommand: sshCommand(card.destination),
        job,
        entersBy,
        isJobRunning: card.isJobRunning ?? false,
      } as const;
      this.#notifier.opened(subject, card.now, deadline, object);
    }
    if (isJson) return [jsonLineFrom(object)];
    return [...announcementFrom({ ...card, provider: job?.provider, isQuiet }), ...orders];
  }

  /** What a CI system shows in a second place when a relay refuses the agent. */
  refused(message: string): readonly PrintableLine[] {
    const { settings, job } = this.#options;
    return settings.isJson ? [] : refusalAnnotationFrom(job?.provider, message);
  }

  /** After the last event. Takes no longer than LAST_NOTICES_WITHIN_MS. May be called twice. */
  close(): Promise<void> {
    return this.#notifier.close();
  }

  #writeOutputs(card: ToldCard): void {
    const { settings, complain } = this.#options;
    const { outputFile } = settings;
    if (outputFile === undefined) return;
    const fault = appendLines(outputFile, outputsFrom(card));
    if (fault !== undefined)
      complain(`--output: ${outputFile} cannot be written (${fault}); the job is open all the same`);
  }

  #writeSummary(card: ToldCard): readonly PrintableLine[] {
    const { settings, job, env, complain } = this.#options;
    const place = settings.hasSummary ? summaryPlace(job?.provider, card.destination.id, env) : undefined;
    if (place === undefined) return [];
    const fault = appendLines(place.path, summaryFrom(card));
    if (fault === undefined) return place.order === undefined ? [] : [place.order];
    complain(`the job's summary, ${place.path}, cannot be written (${fault}); the job is open all the same`);
    return [];
  }
}
