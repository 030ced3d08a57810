// The report of a run: a table for people, and a file with every figure for programs.
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { DIST } from '../../deploy/build/source-tree.ts';
import type { Figure, Figures } from './figures.ts';
import { GOALS, type Goal, type Verdict, verdictOn } from './goals.ts';
import { type Conditions, isBusy, lineFrom } from './machine-state.ts';

export const BENCH_FILE = join(DIST, 'bench.json');

/** How one part of the bench went. */
export interface Course extends Conditions {
  /** Its figures are those of the rounds before it failed. */
  readonly hasFailed: boolean;
}

/** By the name of a part. */
export type Courses = ReadonlyMap<string, Course>;

const FAILED = 'FAILED';
const BUSY = 'BUSY MACHINE';

/** One line per figure with its median and spread, then the machine, then the goals. */
export function tableFrom(figures: Figures, courses: Courses): string {
  const rows = figures
    .all()
    .map((figure) => [
      figure.name,
      numberFrom(figure.median),
      spreadFrom(figure),
      String(figure.samples.length),
      figure.unit,
      marksOn(courses.get(figure.part)).join('; '),
    ]);
  const goals = GOALS.map((goal) => {
    const figure = figures.get(goal.figure);
    const wanted = `${goal.bound} ${goal.value}`;
    if (figure === undefined) return [goal.what, '-', '', wanted, '', 'not run'];
    const verdict = [judge(goal, figures, courses) ?? [], marksOn(courses.get(figure.part))].flat();
    return [
      goal.what,
      numberFrom(figure.median),
      spreadFrom(figure),
      wanted,
      figure.unit,
      verdict.join('; '),
    ];
  });
  return [
    ...columns([['figure', 'median', 'spread', 'n', 'unit', ''], ...rows]),
    '',
    ...[...courses].map(([part, course]) => [`${part}: ${lineFrom(course)}`, ...marksOn(course)].join('  ')),
    '',
    ...columns([['goal', 'measured', 'spread', 'wanted', 'unit', ''], ...goals]),
  ].join('\n');
}

/** Writes `dist/bench.json`. */
export async function writeReport(figures: Figures, courses: Courses, isFull: boolean): Promise<void> {
  await mkdir(DIST, { recursive: true });
  const byName = Object.fromEntries(figures.all().map(({ name, ...figure }) => [name, figure]));
  const goals = GOALS.map((goal) => ({
    ...goal,
    measured: figures.get(goal.figure)?.median ?? null,
    verdict: judge(goal, figures, courses) ?? null,
  }));
  const parts = Object.fromEntries(
    [...courses].map(([part, course]) => [part, { ...course, isBusy: isBusy(course) }]),
  );
  const machine = { cpu: cpus()[0]?.model ?? '', cores: cpus().length, node: process.version };
  const report = { at: new Date().toISOString(), isFull, machine, parts, goals, figures: byName };
  await writeFile(BENCH_FILE, `${JSON.stringify(report, null, 2)}\n`);
}

/** None on a part that has failed: the rounds that are missing would have decided. */
function judge(goal: Goal, figures: Figures, courses: Courses): Verdict {
  const part = figures.get(goal.figure)?.part ?? '';
  return courses.get(part)?.hasFailed ? undefined : verdictOn(goal, figures);
}

/** What a reader has to know of the figures of a part. */
function marksOn(course: Course | undefined): string[] {
  if (course === undefined) return [];
  return [...(course.hasFailed ? [FAILED] : []), ...(isBusy(course) ? [BUSY] : [])];
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
