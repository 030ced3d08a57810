// A notice: what people are told who are not there, of an open job.
import type { JsonObject } from '#shared/text/json-line.ts';
import { Untrusted } from '#shared/text/untrusted.ts';
import { formatDuration, roundToMinute } from '#shared/time/duration.ts';
import { END_REASONS } from '../expiry/end-reason.ts';
import type { CiJob } from '../job/ci-job.ts';
import { type Credential, FAILURE_REASONS, type LogEvent } from '../notices/log-line.ts';
import { formatMoment } from '../notices/time-of-day.ts';
import type { OpenPlace } from './card-object.ts';
import { type EventObject, eventObjectFrom, isoFrom, secondsFrom } from './event-object.ts';

/** What a notice is about; the name of its `notice` field. */
export const NOTICE_KINDS = ['opened', 'joined', 'ending', 'ended'] as const;

export type NoticeKind = (typeof NOTICE_KINDS)[number];

/** Words of ours, and text from outside among them, which each chat makes harmless in its own way. */
export type Sentence = readonly (string | Untrusted)[];

/** Without a password, and without a link that lets in. */
export interface Notice {
  readonly kind: NoticeKind;
  readonly sentence: Sentence;
  /** To be copied; undefined where nobody can get in any more. */
  readonly command: string | undefined;
  /** http(s) URLs, each with the words for it. */
  readonly links: readonly { readonly words: string; readonly url: string }[];
  /** The same for programs. */
  readonly body: JsonObject;
}

/** What holds for all notices of an agent. */
export interface NoticeSubject {
  readonly place: OpenPlace;
  readonly sshCommand: string;
  readonly job: CiJob | undefined;
  readonly entersBy: 'password' | 'keys';
  /** It is in the background of a job, which goes on meanwhile. */
  readonly isJobRunning: boolean;
}

/** At one moment, in milliseconds since the epoch. */
export interface NoticeTimes {
  readonly now: number;
  readonly deadline: number;
}

/** The first relay has taken the agent; `card` is the line of `--json`, whose secrets are left out here. */
export function openedNotice(subject: NoticeSubject, times: NoticeTimes, card: EventObject): Notice {
  const { password: _password, terminal: _terminal, ...event } = card;
  const way = subject.entersBy === 'password' ? ' How to enter is in the log of the job.' : '';
  const howLong = subject.isJobRunning
    ? 'It is so while the job runs.'
    : `It waits until ${untilText(times)}.`;
  const sentence = ['A job is open for SSH: ', nameOf(subject), `. ${howLong}${way}`];
  return noticeOf('opened', subject, times, sentence, event);
}

/** What `event` is worth to people who are elsewhere; undefined for most. */
export function noticeFrom(subject: NoticeSubject, times: NoticeTimes, event: LogEvent): Notice | undefined {
  const tell = (kind: NoticeKind, sentence: Sentence): Notice =>
    noticeOf(
      kind,
      subject,
      kind === 'ended' ? undefined : times,
      sentence,
      eventObjectFrom(event, times.now),
    );
  switch (event.kind) {
    case 'logged_in': {
      const { user, address, credential } = event;
      const who = [user, ' came from ', new Untrusted(address), ' with ', ...credentialWords(credential)];
      return tell('joined', [...who, ', to the job ', nameOf(subject), `. It ends at ${untilText(times)}.`]);
    }
    case 'warning': {
      const left = formatDuration(event.remainingMs);
      return tell('ending', ['The job ', nameOf(subject), ` closes for SSH in ${left}.`]);
    }
    case 'ended':
      return tell('ended', closedWords(subject, END_REASONS[event.reason]));
    case 'failed':
      return tell('ended', closedWords(subject, FAILURE_REASONS[event.reason]));
    default:
      return undefined;
  }
}

function closedWords(subject: NoticeSubject, why: string): Sentence {
  return ['Closed for SSH: ', nameOf(subject), `: ${why}.`];
}

function noticeOf(
  kind: NoticeKind,
  { place, sshCommand, job }: NoticeSubject,
  times: NoticeTimes | undefined,
  sentence: Sentence,
  event: JsonObject,
): Notice {
  const jobUrl = job?.url === undefined ? undefined : usableLink(job.url);
  const jobLinks = jobUrl === undefined ? [] : [{ words: 'The job', url: jobUrl }];
  const left =
    times === undefined
      ? {}
      : { deadline: isoFrom(times.deadline), secondsLeft: secondsFrom(times.deadline - times.now) };
  return {
    kind,
    sentence,
    command: times === undefined ? undefined : sshCommand,
    links: times === undefined ? jobLinks : [{ words: 'How to get in', url: place.link }, ...jobLinks],
    body: {
      notice: kind,
      time: event['time'],
      ...place,
      ssh: sshCommand,
      ...left,
      job: job && { system: job.provider, name: job.job, url: jobUrl },
      event,
    },
  };
}

function nameOf({ job, place }: NoticeSubject): Untrusted {
  if (job === undefined) return new Untrusted(place.id);
  return job.job ?? new Untrusted(job.name);
}

function untilText({ now, deadline }: NoticeTimes): string {
  return `${formatMoment(deadline, now)} (in ${formatDuration(roundToMinute(deadline - now))})`;
}

function credentialWords(credential: Credential): Sentence {
  switch (credential.kind) {
    case 'password':
      return ['the password'];
    case 'key': {
      const { fingerprint, comment } = credential;
      const owner = comment === undefined || comment.is('') ? [] : [' (', comment, ')'];
      return ['the key ', new Untrusted(fingerprint), ...owner];
    }
    case 'certificate':
      return ['the certificate ', credential.keyId, ' by ', new Untrusted(credential.caFingerprint)];
  }
}

/** A longer one is not worth a message. */
const MAX_LINK_LENGTH = 2_000;

/** The URL as it may stand in a link of any chat: what could end it is escaped, and nobody's password is in it. */
function usableLink(text: string): string | undefined {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) return undefined;
  const { origin, pathname, search, hash } = url;
  const safe = `${origin}${`${pathname}${search}${hash}`.replaceAll(/[^A-Za-z0-9\-._~:/?#@!$&'*+,;=%]/g, escaped)}`;
  return safe.length > MAX_LINK_LENGTH ? undefined : safe;
}

/** The parser of URLs leaves ASCII alone. */
function escaped(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}
