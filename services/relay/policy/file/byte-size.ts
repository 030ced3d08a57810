// Numbers of bytes as people write them: `20 MiB`, `10GiB`, `1048576`.

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  B: 1,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};
const SIZE = /^(\d{1,16}) ?([A-Za-z]*)$/;

/** In bytes, 1 or more; undefined if `text` is none. */
export function parseByteSize(text: string): number | undefined {
  const [, digits = '', unit = ''] = SIZE.exec(text) ?? [];
  const factor = Object.hasOwn(UNITS, unit) ? UNITS[unit] : undefined;
  const bytes = Number(digits) * (factor ?? 0);
  return Number.isSafeInteger(bytes) && bytes > 0 ? bytes : undefined;
}

/** As people write it: in the largest unit of which it is a whole number. */
export function formatByteSize(bytes: number): string {
  const [unit = 'B', factor = 1] =
    Object.entries(UNITS).findLast(([, size]) => bytes >= size && bytes % size === 0) ?? [];
  return `${bytes / factor} ${unit}`;
}
