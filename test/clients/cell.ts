// A cell: one client, one deed, done to the judge and to the agent, and what the two of them say about each other.
import type { Client } from './client.ts';
import type { Deed } from './deed.ts';
import type { Difference } from './differences.ts';
import type { Lane } from './lane.ts';
import { type Outcome, runScript, type Scene } from './script.ts';
import type { Target } from './target.ts';

export interface Cell {
  readonly client: Client;
  readonly deed: Deed;
  readonly script: string;
  readonly difference: Difference | undefined;
}

export type Verdict =
  | { readonly kind: 'same' }
  /** It differs just as the table of differences says. */
  | { readonly kind: 'explained'; readonly difference: Difference }
  /** The judge itself did not do the deed: the cell proves nothing. */
  | { readonly kind: 'no_judge'; readonly lines: readonly string[] }
  | { readonly kind: 'different'; readonly lines: readonly string[] }
  /** The table explains a difference that there is not, or another one. */
  | { readonly kind: 'stale'; readonly lines: readonly string[] };

export interface Result {
  readonly cell: Cell;
  readonly verdict: Verdict;
  readonly seconds: number;
}

export interface Targets {
  readonly judge: Target;
  readonly agent: Target;
}

/** The parts of an outcome that are compared, as they are called in a report. */
const PARTS = ['stdout', 'stderr', 'near', 'far'] as const;
/** Of each part in a report, in lines. */
const SHOWN_LINES = 12;

/** What a script says when it did not come out as it should, and only then. */
const COMPLAINT = /^(DIFFERENT|NOT ALIKE|LET IN|SAYS IT FITS|GOT|PUT|THE STRANGER|echo wrong)/;

export async function runCell(scene: Scene, lane: Lane, cell: Cell, targets: Targets): Promise<Result> {
  const judged = await runScript(scene, lane, cell, targets.judge);
  const wanted = cell.client.says?.[cell.deed.name] ?? cell.deed.says;
  const missing = missingIn(judged, wanted);
  const complaints = judged.stdout.filter((line) => COMPLAINT.test(line) && !wanted.includes(line));
  if (judged.end !== 'code 0' || missing.length + complaints.length > 0) {
    const lines = [...missing.map((line) => `not said: ${line}`), ...report('sshd', judged)];
    return { cell, verdict: { kind: 'no_judge', lines }, seconds: judged.seconds };
  }
  const tried = await runScript(scene, lane, cell, targets.agent);
  return { cell, verdict: compare(cell, judged, tried), seconds: judged.seconds + tried.seconds };
}

function compare({ client, difference }: Cell, judged: Outcome, tried: Outcome): Verdict {
  const parts = PARTS.filter((part) => part !== 'stderr' || client.noisy !== true);
  const lines = [
    ...(judged.end === tried.end ? [] : [`sshd ended with ${judged.end}, the agent with ${tried.end}`]),
    ...parts.flatMap((part) => differencesOf(part, judged[part], tried[part])),
  ];
  if (difference === undefined) {
    if (lines.length === 0) return { kind: 'same' };
    const noise =
      client.noisy === true ? report('the agent', { ...tried, stdout: [], near: [], far: [] }) : [];
    return { kind: 'different', lines: [...lines, ...noise] };
  }
  const unsaid = missingIn(tried, difference.says);
  if (lines.length > 0 && unsaid.length === 0) return { kind: 'explained', difference };
  return { kind: 'stale', lines: [...unsaid.map((line) => `the agent did not say: ${line}`), ...lines] };
}

/** Those of `wanted` that are no line of what was said or found. */
function missingIn(outcome: Outcome, wanted: readonly string[]): string[] {
  const said = new Set(PARTS.flatMap((part) => outcome[part]));
  return wanted.filter((line) => !said.has(line));
}

/** What one of them has and the other has not, in order; or that the order alone is another. */
function differencesOf(part: string, judged: readonly string[], tried: readonly string[]): string[] {
  if (judged.length === tried.length && judged.every((line, index) => line === tried[index])) return [];
  const absent = judged
    .filter((line) => !tried.includes(line))
    .map((line) => `${part} of sshd alone: ${line}`);
  const extra = tried
    .filter((line) => !judged.includes(line))
    .map((line) => `${part} of the agent alone: ${line}`);
  if (absent.length + extra.length === 0) return [`${part}: the same lines, in another order or number`];
  return [...firstOf(absent), ...firstOf(extra)];
}

function firstOf(lines: readonly string[]): string[] {
  if (lines.length <= SHOWN_LINES) return [...lines];
  return [...lines.slice(0, SHOWN_LINES), `… and ${lines.length - SHOWN_LINES} more`];
}

function report(who: string, outcome: Outcome): string[] {
  return [
    `${who} ended with ${outcome.end}`,
    ...PARTS.flatMap((part) => firstOf(outcome[part].map((line) => `${part} of ${who}: ${line}`))),
  ];
}
