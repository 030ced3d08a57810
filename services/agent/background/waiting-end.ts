// The waiting end: how the steps of a job find the background agent, wait for it and end it.
import { connect, type Socket } from 'node:net';
import type { Clock } from '#shared/time/clock.ts';
import { pause } from '#shared/time/pause.ts';
import { readLine } from '../converge-command/line-reader.ts';
import {
  type ConvergeRequest,
  formatLine,
  MAX_REPLY_BYTES,
  parseReply,
} from '../converge-command/request.ts';
import { answers, type FoundClaim, findClaims, removeClaim } from './claim.ts';
import { followLog } from './log-follower.ts';
import { type EndRecord, readEndRecord, runFilesIn } from './run-folder.ts';

/** How long an agent that was told to end may take, in milliseconds: longer than its own end does, whatever its sessions do. */
export const ENDED_WITHIN_MS = 30_000;
/** How often it is looked whether it is gone, in milliseconds. */
const LOOK_EVERY_MS = 50;

/** How to find an agent, and what to do with its words. */
export interface WaitingEndOptions {
  readonly name: string;
  /** What this job is called by its own variables. */
  readonly job: string;
  readonly states: readonly string[];
  readonly uid: number | undefined;
  readonly clock: Clock;
  /** Takes the lines of the agent's log. */
  readonly print: (line: string) => void;
  readonly complain: (line: string) => void;
}

export type FoundAgent =
  | { readonly kind: 'alive'; readonly claim: FoundClaim }
  /** It has ended, or was ended, and its log is there. */
  | { readonly kind: 'over'; readonly claim: FoundClaim }
  | { readonly kind: 'none' };

/** The agent of that name: one that lives, else what is left of one of this job. */
export async function findAgent({ states, uid, name, job }: WaitingEndOptions): Promise<FoundAgent> {
  const claims = findClaims(states, uid, name);
  for (const claim of claims) if (await answers(claim.address)) return { kind: 'alive', claim };
  // What people said in another job, whose agent had the same name, is no matter of this one.
  const claim = claims.find((one) => one.job === job);
  return claim === undefined ? { kind: 'none' } : { kind: 'over', claim };
}

export interface JobWaitOptions extends WaitingEndOptions {
  readonly lingerMs: number;
  /** Aborts when the job is cancelled. */
  readonly cancelled: AbortSignal;
}

/** Runs `agent wait`. Resolves to its exit code: 0, or what somebody said by `converge fail`. Never throws. */
export async function waitForAgent(options: JobWaitOptions): Promise<number> {
  const { clock, print, complain, lingerMs, cancelled } = options;
  const found = await findAgent(options);
  if (found.kind === 'none') {
    complain(absenceOf(options));
    return 0;
  }
  const log = followLog(runFilesIn(found.claim.folder).log, clock, print);
  const end = found.kind === 'alive' ? await attend(found.claim) : readEndRecord(found.claim.folder);
  log.stop();
  removeClaim(found.claim);
  return report(end, complain);

  async function attend(claim: FoundClaim): Promise<EndRecord | undefined> {
    const connection = await ask(claim, { command: 'wait', lingerMs }, clock);
    const leave = (): void => void connection.socket.end();
    if (cancelled.aborted) leave();
    cancelled.addEventListener('abort', leave, { once: true });
    await connection.closed;
    return lastWord(claim, clock);
  }
}

/** Runs `agent stop`. Never throws. */
export async function stopAgent(options: WaitingEndOptions): Promise<number> {
  const found = await findAgent(options);
  if (found.kind === 'none') {
    options.complain(absenceOf(options));
    return 0;
  }
  if (found.kind === 'alive') {
    await (await ask(found.claim, { command: 'stop' }, options.clock)).closed;
    await lastWord(found.claim, options.clock);
  }
  removeClaim(found.claim);
  return 0;
}

/** What to say where there is none. */
export function absenceOf({ name }: WaitingEndOptions): string {
  return `no agent named ${name} runs in the background for this user`;
}

function report(end: EndRecord | undefined, complain: (line: string) => void): number {
  if (end === undefined) {
    complain('the agent in the background was killed, or ended with its container: nobody can be in');
    return 0;
  }
  return end.verdict.kind === 'fail' ? end.verdict.exitCode : 0;
}

interface Asked {
  readonly socket: Socket;
  /** The agent has closed it, or is gone. */
  readonly closed: Promise<void>;
}

/** Resolves when the agent has answered, or cannot. */
async function ask(claim: FoundClaim, request: ConvergeRequest, clock: Clock): Promise<Asked> {
  const socket = connect(claim.address);
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => resolve());
  });
  socket.write(formatLine(request));
  const read = await readLine(socket, clock, MAX_REPLY_BYTES);
  if (read.kind !== 'line' || parseReply(read.line)?.exitCode !== 0) socket.destroy();
  return { socket, closed };
}

/** What it left when it ended, once its process is gone; undefined if it left nothing: it was killed. */
async function lastWord(claim: FoundClaim, clock: Clock): Promise<EndRecord | undefined> {
  const until = clock.now() + ENDED_WITHIN_MS;
  // It answers as long as there is a process.
  while ((await answers(claim.address)) && clock.now() < until) await pause(clock, LOOK_EVERY_MS);
  return readEndRecord(claim.folder);
}
