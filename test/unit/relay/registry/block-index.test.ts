// Blocks in detail: what a target may be, and the index against the naive way to find one.
import { BlockList as NodeRanges } from 'node:net';
import * as fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { BlockIndex } from '../../../../services/relay/registry/block-index.ts';
import { MAX_TARGET_LENGTH, readTarget } from '../../../../services/relay/registry/block-target.ts';
import { type Block, MAX_BLOCKS } from '../../../../services/relay/registry/blocks.ts';

function textOf(written: string): string {
  const read = readTarget(written);
  return read.kind === 'invalid' ? `no: ${read.fault}` : read.text;
}

describe('a target', () => {
  test.each([
    ['203.0.113.7', '203.0.113.7'],
    [' 203.0.113.7 ', '203.0.113.7'],
    ['203.0.113.7/32', '203.0.113.7'],
    ['203.0.113.7/24', '203.0.113.0/24'],
    ['203.0.113.255/8', '203.0.0.0/8'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['2001:db8:1:2:3:4:5:6/64', '2001:db8:1:2::/64'],
    ['2001:db8:ffff::/33', '2001:db8:8000::/33'],
    ['::1', '::1'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['::ffff:203.0.113.7/120', '203.0.113.0/24'],
    ['[2001:db8::1]:5678', '2001:db8::1'],
    ['rule:acme-on-github', 'rule:acme-on-github'],
  ])('%s is %s', (written, text) => {
    expect(textOf(written)).toBe(text);
    expect(textOf(text)).toBe(text);
    expect(text.length).toBeLessThanOrEqual(MAX_TARGET_LENGTH);
  });

  test.each([
    ['', 'nothing that can be blocked'],
    ['everybody', 'nothing that can be blocked'],
    ['203.0.113', 'nothing that can be blocked'],
    ['203.0.113.7/33', 'nothing that can be blocked'],
    ['203.0.113.7/-1', 'nothing that can be blocked'],
    ['203.0.113.7/24/8', 'nothing that can be blocked'],
    ['2001:db8::/129', 'nothing that can be blocked'],
    ['fe80::1%eth0', 'nothing that can be blocked'],
    ['::ffff:0.0.0.0/95', 'nothing that can be blocked'],
    ['0.0.0.0/0', '/0 is too wide: the widest range of IPv4 is /8'],
    ['::ffff:0.0.0.0/96', '/0 is too wide'],
    ['::/0', '/0 is too wide: the widest range of IPv6 is /16'],
    ['2000::/3', '/3 is too wide'],
    ['rule:', 'a rule has a name'],
    ['rule:Acme', 'a rule has a name'],
    [`rule:${'x'.repeat(65)}`, 'a rule has a name'],
    ['rule:x\'"><', 'a rule has a name'],
  ])('%j is refused in words', (written, words) => {
    expect(textOf(written)).toContain(`no: `);
    expect(textOf(written)).toContain(words);
  });
});

const address = fc.oneof(fc.ipV4(), fc.ipV6());
const range = fc.oneof(
  fc.tuple(fc.ipV4(), fc.integer({ min: 8, max: 32 })),
  fc.tuple(fc.ipV6(), fc.integer({ min: 16, max: 128 })),
);

/** Of few networks, so that ranges lie in one another. */
const closeAddress = fc
  .tuple(fc.constantFrom(10, 11), fc.nat(1), fc.nat(3), fc.nat(255))
  .map((parts) => parts.join('.'));
const closeRange = fc.tuple(closeAddress, fc.integer({ min: 8, max: 32 }));

describe('the index', () => {
  test('says of every address what a list that is searched from end to end says', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.oneof(range, closeRange), fc.integer({ min: 1, max: 20 })), { maxLength: 40 }),
        fc.array(fc.oneof(address, closeAddress), { minLength: 1, maxLength: 20 }),
        fc.integer({ min: 0, max: 20 }),
        (ranges, addresses, now) => {
          const byTarget = new Map<string, Block>();
          for (const [[network, prefix], until] of ranges) {
            const read = readTarget(`${network}/${prefix}`);
            if (read.kind === 'target')
              byTarget.set(read.text, { target: read.text, until, since: 0, by: '', why: '' });
          }
          const index = new BlockIndex(byTarget.values());
          for (const one of addresses)
            expect(index.find({ address: one }, now)?.until).toBe(naive([...byTarget.values()], one, now));
        },
      ),
      { numRuns: 300 },
    );
  });

  test('looks once per length of prefix, whatever the number of blocks', () => {
    const blocks = Array.from({ length: MAX_BLOCKS }, (_, index) => ({
      target: `10.${index >> 8}.${index & 255}.0/24`,
      until: 2,
      since: 0,
      by: '',
      why: '',
    }));
    const index = new BlockIndex(blocks);
    const looks = vi.spyOn(Map.prototype, 'get');
    const found = index.find({ address: '10.39.15.7' }, 1);
    const { length } = looks.mock.calls;
    looks.mockRestore();
    expect(found?.target).toBe('10.39.15.0/24');
    expect(length).toBeLessThan(5);
  });

  test('a target that cannot be read blocks nobody, and what is no address is not blocked by one', () => {
    const block = { target: 'everybody', until: 2, since: 0, by: '', why: '' };
    const index = new BlockIndex([block, { ...block, target: 'rule:a' }, { ...block, target: '10.0.0.0/8' }]);
    expect(index.find({ address: 'unknown' }, 1)).toBeUndefined();
    expect(index.find({ address: 'unknown', rule: 'a' }, 1)?.target).toBe('rule:a');
  });
});

/** Node's own ranges, one at a time. */
function naive(blocks: readonly Block[], address: string, now: number): number | undefined {
  const read = readTarget(address);
  const own = read.kind === 'target' ? read.text : address;
  const family = own.includes(':') ? 'ipv6' : 'ipv4';
  const untils = blocks
    .filter(({ target, until }) => {
      const [network = '', prefix] = target.split('/');
      const isSame = network.includes(':') === own.includes(':');
      if (!isSame || until <= now) return false;
      const list = new NodeRanges();
      list.addSubnet(network, Number(prefix ?? (family === 'ipv4' ? 32 : 128)), family);
      return list.check(own, family);
    })
    .map(({ until }) => until);
  return untils.length === 0 ? undefined : Math.max(...untils);
}
