// Acting: carries out what an operator asks for, on the pod that can, and records who did it.
import type { Clock } from '#shared/time/clock.ts';
import { formatDuration } from '#shared/time/duration.ts';
import type { AuditLog } from '../../audit/audit-event.ts';
import { COMMAND_PATH, type Command, formatCommand } from '../../hop/command.ts';
import { BlockIndex } from '../../registry/block-index.ts';
import type { Blocks } from '../../registry/blocks.ts';
import type { AgentTable } from '../../session/agent-table.ts';
import type { Log } from '../../session/needs.ts';
import type { SessionTable } from '../../session/session-table.ts';
import type { Action, ActionKind } from './action.ts';
import { type ClusterReportOptions, otherPods } from './cluster-report.ts';
import { askPeer } from './peer-question.ts';
import { ruleOf } from './rows.ts';

/** Counts what operators did. */
export interface OperatorRecorder {
  operatorActed(action: ActionKind): void;
}

export interface ActingOptions
  extends Pick<ClusterReportOptions, 'key' | 'cluster' | 'self' | 'agents' | 'sessions'> {
  readonly clock: Clock;
  readonly blocks: Blocks;
  readonly audit: AuditLog;
  readonly log: Log;
  readonly recorder: OperatorRecorder;
}

/** What came of an action, in a sentence for the operator. */
export type Deed =
  | { readonly kind: 'done'; readonly said: string }
  /** It was not there any more, or no pod could be reached: nothing has changed. */
  | { readonly kind: 'missed'; readonly said: string }
  | { readonly kind: 'full'; readonly said: string };

/** Rejects with RegistryUnavailable, where blocks are kept in a registry that does not answer; nothing has changed then. */
export async function act(action: Action, by: string, options: ActingOptions): Promise<Deed> {
  const deed = await perform(action, by, options);
  if (deed.kind === 'done') note(action, by, options);
  return deed;
}

/** Does what this pod can of a command; how many sessions and agents it has ended. */
export function obey(
  command: Command,
  { agents, sessions, clock }: { agents: AgentTable; sessions: SessionTable; clock: Clock },
): number {
  switch (command.kind) {
    case 'end_session':
      return sessions.end(({ handle }) => handle === command.handle);
    case 'end_agent':
      return agents.end(command.id) ? 1 : 0;
    case 'end_target': {
      const now = clock.wallTime();
      const until = now + 1;
      const index = new BlockIndex([{ target: command.target, until, since: now, by: '', why: '' }]);
      const isHit = (address: string, rule: string | undefined): boolean =>
        index.find({ address, rule }, now) !== undefined;
      const hit = [...agents].filter((agent) => isHit(agent.address, ruleOf(agent)));
      const ended = hit.filter(({ id }) => agents.end(id)).length;
      return (
        ended +
        sessions.end((session) => session.route !== 'forwarding' && isHit(session.client, ruleOf(session)))
      );
    }
  }
}

async function perform(action: Action, by: string, options: ActingOptions): Promise<Deed> {
  const { blocks, clock } = options;
  switch (action.kind) {
    case 'end_session': {
      const { handle, pod } = action;
      const ended = await command({ kind: 'end_session', handle }, pod, options);
      return ended > 0
        ? done(`session ${handle} is ended`)
        : missed(`session ${handle} is not there any more`);
    }
    case 'end_agent': {
      const { id, pod } = action;
      const ended = await command({ kind: 'end_agent', id }, pod, options);
      return ended > 0 ? done(`agent ${id} is told to end`) : missed(`agent ${id} is not there any more`);
    }
    case 'block': {
      const { target, ms, why, ends } = action;
      const since = clock.wallTime();
      const added = await blocks.add({ target, since, until: since + ms, by, why });
      if (added.kind === 'full')
        return { kind: 'full', said: 'there are as many blocks as there may be: remove some' };
      const said = `${wordsOf(target)} is blocked for ${formatDuration(ms)}`;
      if (!ends) return done(said);
      const ended = await command({ kind: 'end_target', target }, undefined, options);
      return done(`${said}, and ${ended} of its agents and sessions are ended`);
    }
    case 'unblock': {
      const { target } = action;
      return (await blocks.remove(target))
        ? done(`${wordsOf(target)} is unblocked`)
        : missed(`${wordsOf(target)} is not blocked`);
    }
  }
}

/** `the rule NAME`, or the address as it is. */
function wordsOf(target: string): string {
  return target.replace(/^rule:/, 'the rule ');
}

/** Gives it to the pod at the address `pod`, or to all; how many it has ended. */
async function command(order: Command, pod: string | undefined, options: ActingOptions): Promise<number> {
  const { self } = options;
  const isHere = pod === undefined || pod === self.pod;
  const others = otherPods(options).filter(({ name }) => pod === undefined || name === pod);
  const body = formatCommand(order);
  const request = { method: 'POST', path: COMMAND_PATH, body };
  const answers = await Promise.all(others.map(({ address }) => askPeer(address, request, options)));
  const ended = answers.map((answer) =>
    answer.kind === 'answered' ? Number(answer.record['ended']) || 0 : 0,
  );
  return ended.reduce((total, count) => total + count, isHere ? obey(order, options) : 0);
}

function note(action: Action, by: string, { audit, log, recorder }: ActingOptions): void {
  const { kind } = action;
  const target = kind === 'end_session' ? action.handle : kind === 'end_agent' ? action.id : action.target;
  const seconds = kind === 'block' ? { seconds: action.ms / 1_000 } : {};
  recorder.operatorActed(kind);
  log.info({ by, action: kind, target, ...seconds }, 'operator acted');
  audit.record({ event: 'operator_acted', by, action: kind, target, ...seconds });
}

function done(said: string): Deed {
  return { kind: 'done', said };
}

function missed(said: string): Deed {
  return { kind: 'missed', said };
}
