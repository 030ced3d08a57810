// What a relay says at /metrics, as text, and one number of it.

/** The sum of the series with that name and at least those labels, `name{label="value"}`; 0 if there is none. */
export function sumOf(exposition: string, series: string): number {
  const [name = '', labels = ''] = series.split(/[{}]/);
  const wanted = labels.match(/\w+="[^"]*"/g) ?? [];
  let sum = 0;
  for (const line of exposition.split('\n')) {
    const [, itsName, itsLabels = '', value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    if (itsName !== name) continue;
    const has: readonly string[] = itsLabels.match(/\w+="[^"]*"/g) ?? [];
    if (wanted.every((label) => has.includes(label))) sum += Number(value);
  }
  return sum;
}
