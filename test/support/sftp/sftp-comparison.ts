// What is compared of the outcomes of two SFTP servers.

/** Leaves out what two runs cannot share: the name of the tree, message texts, access times, and times of just now. */
export function comparable(value: unknown, root: string): unknown {
  if (Buffer.isBuffer(value)) return value.toString('latin1').replaceAll(root, 'ROOT');
  if (Array.isArray(value)) return value.map((item) => comparable(item, root));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value)
    .filter(([key]) => key !== 'message')
    .map(([key, item]) => [key, key === 'times' ? stillTimes(item) : comparable(item, root)]);
  return Object.fromEntries(entries);
}

function stillTimes(times: unknown): unknown {
  const now = Date.now() / 1000;
  return Array.isArray(times) ? times.map((time) => (Math.abs(time - now) < 600 ? 'now' : time)) : times;
}
