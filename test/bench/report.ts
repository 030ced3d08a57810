// The report of a run: a table for people, and a file with every figure for programs.
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { DIST } from '../../deploy/build/source-tree.ts';
import type { Figure, Figures } from './figures.ts';
import { GOALS, verdictOn } from './goals.ts';

export const BENCH_FILE = join(DIST, 'bench.json');

/** One line per figure with its median and spread, then the goals. */
export function tableFrom(figures: Figures): string {
  const rows = figures
    .all()
    .map(({ name, unit, median, least, most, samples }) => [
      name,
      numberFrom(median),
      `${numberFrom(least)} … ${numberFrom(most)}`,
      String(samples.length),
      unit,
    ]);
  const goals = GOALS.map((goal) => {
    const figure = figures.get(goal.figure);
    return [
      goal.what,
      figure === undefined ? '-' : numberFrom(figure.median),
      `${goal.bound} ${goal.value}`,
      figure?.unit ?? '',
      verdictOn(goal, figures) ?? 'not run',
    ];
  });
  return [
    ...columns([['figure', 'median', 'spread', 'n', 'unit'], ...rows]),
    '',
    ...columns([['goal', 'measured', 'wanted', 'unit', ''], ...goals]),
  ].join('\n');
}

/** Writes `dist/bench.json`. */
export async function writeReport(figures: Figures, isFull: boolean): Promise<void> {
  await mkdir(DIST, { recursive: true });
  const byName = Object.fromEntries(figures.all().map((figure) => [figure.name, fieldsOf(figure)]));
  const goals = GOALS.map((goal) => ({
    ...goal,
    measured: figures.get(goal.figure)?.median ?? null,
    verdict: verdictOn(goal, figures) ?? null,
  }));
  const machine = { cpu: cpus()[0]?.model ?? '', cores: cpus().length, node: process.version };
  const report = { at: new Date().toISOString(), isFull, machine, goals, figures: byName };
  await writeFile(BENCH_FILE, `${JSON.stringify(report, null, 2)}\n`);
}

function fieldsOf({ unit, median, least, most, samples }: Figure): Omit<Figure, 'name'> {
  return { unit, median, least, most, samples };
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
