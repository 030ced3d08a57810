// Other people's clients: a few cells of the matrix that `npm run test:clients` runs whole, with sshd as the judge.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Matrix } from '../clients/matrix.ts';
import { ensurePackages } from '../clients/packages.ts';
import { QUICK_CELLS, QUICK_CLIENTS } from '../clients/quick.ts';

const matrix = new Matrix();

beforeAll(async () => {
  await ensurePackages(QUICK_CLIENTS);
  await matrix.open(QUICK_CLIENTS, 1);
});

afterAll(async () => {
  await matrix[Symbol.asyncDispose]();
});

test.each(QUICK_CELLS.map((cell) => ({ cell, name: `${cell.client.name}: ${cell.deed.name}` })))(
  '$name, as with sshd',
  async ({ cell }) => {
    const [result] = await matrix.run([cell], () => undefined);
    const { difference } = cell;
    const wanted = difference === undefined ? { kind: 'same' } : { kind: 'explained', difference };
    expect(result?.verdict).toEqual(wanted);
  },
);
