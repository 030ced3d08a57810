// The README, held against the code.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { sshOptions } from '#shared/commands/ssh-options.ts';
import { README, renderTables } from '../../../deploy/build/pages/readme-tables.ts';
import { ROOT } from '../../../deploy/build/source-tree.ts';
import { parseWsproxyCommand } from '../../../services/clients/wsproxy/cli.ts';
import type { OwnProgram } from '../../../services/clients/wsproxy/own-program.ts';
import { fillGaps } from '../../../services/relay/http/usage/command-text.ts';
import { OPEN_TERMS } from '../../../services/relay/http/usage/entry-terms.ts';
import { addressFromPublicUrl } from '../../../services/relay/http/usage/own-address.ts';
import { buildSections } from '../../../services/relay/http/usage/sections.ts';
import { WHOLE_OFFER } from '../../support/relay/offer.ts';

const text = readFileSync(README, 'utf8');

test('the tables are those of the code (node deploy/build/pages/readme-tables.ts writes them)', () => {
  expect(text).toContain('`--authorized-keys FILE\\|URL`');
  expect(text).toContain('| `INTERNAL_PORT` |');
  expect(renderTables(text)).toBe(text);
});

test('a page that has lost the place of a table is refused', () => {
  const lost = text.replace('<!-- relay variables: ', '<!-- relay: ');
  expect(() => renderTables(lost)).toThrow('no place for the relay variables');
});

test('every folder of the map exists, and every folder of a part is on it: correct the row of the part', () => {
  const rows = [...text.matchAll(/^\| `([a-z]+\/(?:[a-z]+\/)?)` \| (.*) \|$/gm)];
  expect(rows.map(([, folder]) => folder)).toEqual([
    'services/shared/',
    'services/relay/',
    'services/agent/',
    'services/clients/',
    'deploy/',
    'test/',
    'docs/',
  ]);
  for (const [, part = '', words = ''] of rows) {
    if (part === 'docs/') continue;
    const named = [...words.matchAll(/`([a-z0-9-]+)\/`/g)].map(([, name]) => name);
    const there = readdirSync(join(ROOT, part), { withFileTypes: true }).filter((entry) =>
      entry.isDirectory(),
    );
    expect(new Set(named), part).toEqual(new Set(there.map(({ name }) => name)));
  }
});

describe('the block for ~/.ssh/config', () => {
  const relay = addressFromPublicUrl('https://relay.example');

  function blockOfPage(name: string): string {
    const snippets = buildSections({ relay, offer: WHOLE_OFFER, entry: OPEN_TERMS }).flatMap(
      (section) => section.snippets,
    );
    return fillGaps(snippets.find((snippet) => snippet.name === name)?.text ?? [], undefined);
  }

  /** Without the comment before it. */
  function blockOfWsproxy(self: OwnProgram): string {
    const printed = parseWsproxyCommand(['config', relay.ws], {}, self);
    if (printed.kind !== 'text') throw new Error(`wsproxy config said ${JSON.stringify(printed)}`);
    return printed.text.replace(/^\n#.*\n/, '').trimEnd();
  }

  test('is one and the same on this page, on the usage page and from wsproxy config', () => {
    const [, ofReadme = ''] = /```\n(Host \*[^`]*)\n```/.exec(text) ?? [];
    const block = ofReadme.replace('wss://RELAY', relay.ws);
    expect(block).toContain('/client/%n\n');
    expect(blockOfPage('config')).toBe(block);
    expect(blockOfWsproxy({ words: ['wsproxy'], platform: 'linux' })).toBe(block);
    expect(blockOfWsproxy({ words: ['wsproxy'], platform: 'darwin' })).toBe(block);
  });

  test('has the whole path of wsproxy.exe on Windows, and differs in nothing else', () => {
    const file = 'C:\\Users\\ME\\wsproxy.exe';
    const block = blockOfWsproxy({ words: [file], platform: 'win32' });
    expect(blockOfPage('config-windows')).toBe(block);
    expect(block.replace('C:/Users/ME/wsproxy.exe', 'wsproxy')).toBe(blockOfPage('config'));
    expect(text).toContain('`C:/Users/ME/wsproxy.exe`');
  });
});

test('the keepalive values are those that the agent prints for each window', () => {
  const rows = [...text.matchAll(/^\| (\d+)m[^|]*\| (\d+) \| (\d+) \|/gm)];
  expect(rows).toHaveLength(3);
  for (const [, minutes, interval, count] of rows) {
    const options = sshOptions({ isPinned: true, resumeWindowMs: Number(minutes) * 60_000 }).join(' ');
    expect(options).toContain(`ServerAliveInterval=${interval}`);
    expect(options).toContain(`ServerAliveCountMax=${count}`);
  }
});
