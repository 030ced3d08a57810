// The report of a run: a table for people, and a file with every figure for programs.
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { DIST } from '../../deploy/build/source-tree.ts';
import type { Figure, Figures } from './figures.ts';
import { GOALS, verdictOn } from './goals.ts';
import { type Conditions, isBusy, lineFrom } from './machine-state.ts';

export const BENCH_FILE = join(DIST, 'bench.json');

/** By the name of a part. */
export type ConditionsOf = ReadonlyMap<string, Conditions>;

const BUSY = 'BUSY MACHINE';

/** One line per figure with its median and spread, then the machine, then the goals. */
export function tableFrom(figures: Figures, conditions: ConditionsOf): string {
  const markOf = (part: string): string => (isMarked(conditions, part) ? BUSY : '');
  const rows = figures
    .all()
    .map((figure) => [
      figure.name,
      numberFrom(figure.median),
      spreadFrom(figure),
      String(figure.samples.length),
      figure.unit,
      markOf(figure.part),
    ]);
  const goals = GOALS.map((goal) => {
    const figure = figures.get(goal.figure);
    const wanted = `${goal.bound} ${goal.value}`;
    if (figure === undefined) return [goal.what, '-', '', wanted, '', 'not run'];
    const verdict = [verdictOn(goal, figures), markOf(figure.part)].filter(Boolean).join('; ');
    return [goal.what, numberFrom(figure.median), spreadFrom(figure), wanted, figure.unit, verdict];
  });
  return [
    ...columns([['figure', 'median', 'spread', 'n', 'unit', ''], ...rows]),
    '',
    ...[...conditions].map(([part, seen]) => `${part}: ${lineFrom(seen)}${isBusy(seen) ? `  ${BUSY}` : ''}`),
    '',
    ...columns([['goal', 'measured', 'spread', 'wanted', 'unit', ''], ...goals]),
  ].join('\n');
}

/** Writes `dist/bench.json`. */
export async function writeReport(
  figures: Figures,
  conditions: ConditionsOf,
  isFull: boolean,
): Promise<void> {
  await mkdir(DIST, { recursive: true });
  const byName = Object.fromEntries(figures.all().map(({ name, ...figure }) => [name, figure]));
  const goals = GOALS.map((goal) => ({
    ...goal,
    measured: figures.get(goal.figure)?.median ?? null,
    verdict: verdictOn(goal, figures) ?? null,
  }));
  const parts = Object.fromEntries(
    [...conditions].map(([part, seen]) => [part, { ...seen, isBusy: isBusy(seen) }]),
  );
  const machine = { cpu: cpus()[0]?.model ?? '', cores: cpus().length, node: process.version };
  const report = { at: new Date().toISOString(), isFull, machine, parts, goals, figures: byName };
  await writeFile(BENCH_FILE, `${JSON.stringify(report, null, 2)}\n`);
}

function isMarked(conditions: ConditionsOf, part: string): boolean {
  const seen = conditions.get(part);
  return seen !== undefined && isBusy(seen);
}

function spreadFrom({ least, most }: Figure): string {
  return `${numberFrom(least)} … ${numberFrom(most)}`;
}

function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

function numberFrom(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
