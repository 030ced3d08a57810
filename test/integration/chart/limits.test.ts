// The limits of the chart: the relay's own defaults unless a value says otherwise, and nothing that the relay refuses.
import { expect, test } from 'vitest';
import { readConfig } from '../../../services/relay/config.ts';
import { ALL_LIMITS } from '../../../services/relay/limits/limit-table.ts';
import { at, pick, render, tryRender } from '../../support/kubernetes/chart.ts';

async function variables(values: Record<string, unknown> = {}): Promise<Record<string, string>> {
  const deployment = pick(await render({ values }), 'Deployment');
  const env = at(deployment, 'spec.template.spec.containers.0.env') as { name: string; value?: string }[];
  return Object.fromEntries(env.flatMap(({ name, value }) => (value === undefined ? [] : [[name, value]])));
}

test('are the defaults of the code', async () => {
  const env = await variables();
  for (const { variable, fallback } of ALL_LIMITS) expect(env[variable], variable).toBe(String(fallback));
  expect(env['LIMIT_PRIVATE_ADDRESSES']).toBe('false');
  expect(env).not.toHaveProperty('UNLIMITED_ADDRESSES');
});

test('are what the values say, each in its own variable, up to the largest', async () => {
  const perAddress = {
    links: 11,
    waiting: 12,
    sessions: 13,
    downloads: 14,
    heldMiB: 15,
    setupsPerSecond: 16,
    setupsBurst: 17,
  };
  const perPod = { links: 1_000_000, waiting: 22, sessions: 23, downloads: 24, memoryPercent: 25 };
  const unlimitedAddresses = ['203.0.113.0/24', '2001:db8::/32'];
  const limits = { perAddress, perPod, unlimitedAddresses, limitPrivateAddresses: true };
  const env = await variables({ relay: { limits } });
  const names = [
    ...ALL_LIMITS.map(({ variable }) => variable),
    'UNLIMITED_ADDRESSES',
    'LIMIT_PRIVATE_ADDRESSES',
  ];
  const read = readConfig(Object.fromEntries(names.map((name) => [name, env[name]])));
  if (read.kind === 'invalid') throw new Error(read.faults.join('; '));
  expect(read.config.limits).toMatchObject({
    address: { links: 11, waiting: 12, sessions: 13, downloads: 14, held: 15, setups: 16, burst: 17 },
    pod: { links: 1_000_000, waiting: 22, sessions: 23, downloads: 24, memory: 25 },
    unlimited: unlimitedAddresses,
    limitsPrivate: true,
  });
});

test.each([
  { perAddress: { links: 0 } },
  { perPod: { memoryPercent: 101 } },
  { perPod: { sessions: 'many' } },
  { unlimitedAddresses: ['everybody'] },
  { unlimitedAddresses: '10.0.0.0/8' },
  { perAdress: {} },
])('%j is refused', async (limits) => {
  expect((await tryRender({ values: { relay: { limits } } })).kind).toBe('refused');
});
