// An agent as this process: what it is given of the machine, and what the signals mean to it.
import { tmpdir } from 'node:os';
import type { Environment } from '#shared/machine/environment.ts';
import { ownProgramWords } from '#shared/machine/own-program.ts';
import { proxyFor } from '#shared/machine/proxy.ts';
import { takeWorkFlags } from '#shared/machine/work-flags.ts';
import type { PrintableLine } from '#shared/text/printable.ts';
import { systemClock } from '#shared/time/clock.ts';
import { type Mask, maskFrom } from '#shared/websocket/mask-choice.ts';
import { type AgentStart, type BackgroundJob, startAgent } from './agent.ts';
import type { AgentOptions } from './command-line/cli.ts';
import { AGENT_EXIT_CODES } from './command-line/exit-code.ts';
import { type AgentEnd, endWith, NO_VERDICT } from './expiry/agent-end.ts';
import type { EndReason } from './expiry/end-reason.ts';
import { outlivesHangup, readStart } from './job/hangup.ts';
import { readEnvironmentBlock } from './job/job-environment.ts';
import { enterStartingDirectory } from './job/starting-directory.ts';
import { ownPlatform } from './own-platform.ts';
import { startOrphanReaper } from './process/orphan-reaper.ts';

/** SIGBREAK is Ctrl-Break, by which Windows' runners cancel a step; other systems have none. */
export const ENDING_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGBREAK'] as const;

/** Who hears this process' agent, and what it ends for. */
export interface AgentRole {
  readonly env: Environment;
  readonly print: (line: PrintableLine) => void;
  readonly complain: (line: string) => void;
  /** Why it ends at a signal. */
  readonly signalReason: EndReason;
  readonly background?: BackgroundJob;
  /** It is running, and can be ended. */
  readonly onRunning?: (agent: Extract<AgentStart, { kind: 'running' }>) => void;
}

/** Runs an agent until its end. */
export async function runAgent(options: AgentOptions, role: AgentRole): Promise<AgentEnd> {
  const { env, print, complain, background, signalReason } = role;
  const ignoresHangup = outlivesHangup(readStart());
  // Node makes it end the process again, even where the starter had it ignored (see hangup.ts).
  if (ignoresHangup) process.on('SIGHUP', () => undefined);
  const way = wayToRelay(options, env);
  if (way.kind === 'invalid') {
    complain(way.message);
    return endWith(NO_VERDICT, AGENT_EXIT_CODES.bad_arguments);
  }
  reapOrphans();
  const platform = ownPlatform(env);
  const directory = enterStartingDirectory(platform.shells.lastDirectory);
  if (directory.note !== undefined) complain(directory.note);
  let isTold = false;
  let end = (): void => {
    isTold = true;
  };
  const agent = await startAgent(options, {
    platform,
    env,
    environmentBlock: readEnvironmentBlock(),
    cwd: directory.path,
    clock: systemClock,
    random: Math.random,
    temporaryDirectory: tmpdir(),
    program: ownProgramWords(),
    proxy: way.proxy,
    mask: way.mask,
    print,
    complain,
    background,
    onDialling() {
      for (const signal of ENDING_SIGNALS) {
        process.on(signal, () => {
          if (signal !== 'SIGHUP' || !ignoresHangup) end();
        });
      }
    },
    onAnnounced() {
      background?.announced();
      takeWorkFlags();
    },
  });
  if (agent.kind === 'failed') return endWith(NO_VERDICT, agent.code);
  end = () => agent.end(signalReason);
  // While it started.
  if (isTold) end();
  role.onRunning?.(agent);
  const ended = await agent.ended;
  await platform.programs.settled();
  return ended;
}

let isReaping = false;

/** The first process of a container has the orphans of all others. May be called twice. */
export function reapOrphans(): void {
  if (process.pid !== 1 || isReaping) return;
  isReaping = true;
  startOrphanReaper(systemClock);
}

export type WayToRelay =
  | { readonly kind: 'valid'; readonly proxy: URL | undefined; readonly mask: Mask }
  | { readonly kind: 'invalid'; readonly message: string };

/** What the environment says of the way to the relay. */
export function wayToRelay({ relay }: AgentOptions, env: Environment): WayToRelay {
  const choice = proxyFor(new URL(relay.base), env);
  if (choice.kind === 'invalid') return choice;
  const masking = maskFrom(env);
  if (masking.kind === 'invalid') return masking;
  return { kind: 'valid', proxy: choice.kind === 'proxy' ? choice.url : undefined, mask: masking.mask };
}
