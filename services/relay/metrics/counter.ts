// A counter whose every series is there from the start.
import { Counter, type Registry } from 'prom-client';

/** What has not happened yet is there with 0, so that the first time is seen as a rise. */
export function countFromZero<Label extends string>(
  register: Registry,
  name: string,
  help: string,
  labels: Readonly<Record<Label, readonly string[]>>,
): Counter<Label> {
  const labelNames = Object.keys(labels) as Label[];
  const metric = new Counter({ name, help, labelNames, registers: [register] });
  let sets: Partial<Record<Label, string>>[] = [{}];
  for (const label of labelNames)
    sets = sets.flatMap((set) => labels[label].map((value) => ({ ...set, [label]: value })));
  for (const set of sets) metric.inc(set, 0);
  return metric;
}

/** Bounds of quick work between pods and with the registry, in seconds. */
export const QUICK_BUCKETS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3];
