// What the usage page says, without a server: commands, IDs, escaping, colours.
import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isValidId } from '#shared/protocol/paths.ts';
import { REFUSALS, type RefusalCode } from '#shared/protocol/refusals.ts';
import { Untrusted } from '#shared/text/untrusted.ts';
import type { FailedDial } from '#shared/websocket/dial-outcome.ts';
import { failureFrom } from '../../../../services/clients/connection/failure.ts';
import { missingTool } from '../../../../services/clients/tools/run-tool.ts';
import { fillGaps } from '../../../../services/relay/http/usage/command-text.ts';
import { type EntryTerms, OPEN_TERMS } from '../../../../services/relay/http/usage/entry-terms.ts';
import { jobFirstLines, laptopFirstLines } from '../../../../services/relay/http/usage/first-lines.ts';
import { html } from '../../../../services/relay/http/usage/html.ts';
import {
  addressFromPublicUrl,
  addressFromRequest,
} from '../../../../services/relay/http/usage/own-address.ts';
import { ID_INPUT_PATTERN, renderPage } from '../../../../services/relay/http/usage/page.ts';
import { renderPlainText } from '../../../../services/relay/http/usage/plain-text.ts';
import { htmlFromProse, plainFromProse } from '../../../../services/relay/http/usage/prose.ts';
import { buildSections } from '../../../../services/relay/http/usage/sections.ts';
import { SECURITY_HEADERS } from '../../../../services/relay/http/usage/security-headers.ts';
import { type ColorName, PALETTES } from '../../../../services/relay/http/usage/style.ts';
import type { System } from '../../../../services/relay/http/usage/systems.ts';
import { offerOf, WHOLE_OFFER } from '../../../support/relay/offer.ts';

const relay = addressFromPublicUrl('https://relay.example.com');
const options = {
  relay,
  id: undefined,
  offer: WHOLE_OFFER,
  entry: OPEN_TERMS,
};
const snippets = [
  ...jobFirstLines(options),
  ...laptopFirstLines(options),
  ...buildSections(options).flatMap((section) => [...section.snippets, ...section.blocks]),
];

describe('the address of the relay', () => {
  test.each([
    ['https', 'relay.example.com', 'https://relay.example.com', 'wss://relay.example.com', false],
    ['http', 'localhost:8080', 'http://localhost:8080', 'ws://localhost:8080', false],
    ['http', 'relay_1:8080', 'http://relay_1:8080', 'ws://relay_1:8080', true],
    ['http', '[::1]:8080', 'http://[::1]:8080', 'ws://[::1]:8080', false],
    ['https', '10.0.0.7:443', 'https://10.0.0.7', 'wss://10.0.0.7', false],
    ['gopher', 'relay.example.com', 'http://relay.example.com', 'ws://relay.example.com', true],
  ])('of a request by %s to %s is %s and %s', (protocol, host, http, ws, isExposed) => {
    expect(addressFromRequest(protocol, host)).toMatchObject({ http, ws, isExposed });
  });

  test.each([
    '',
    'a b',
    'a;reboot',
    '$(id)',
    'a"b',
    "a'b",
    '<b>',
    'a/b',
    'a@b',
    'a:99999',
    '[::1',
    '-x',
    'a\nb',
  ])('is none for the host %j', (host) => {
    expect(addressFromRequest('https', host)).toBeUndefined();
  });

  test('holds nothing that a shell would read as more than a word, whatever the host', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.webAuthority()), (host) => {
        const address = addressFromRequest('https', host);
        expect(address?.ws ?? 'wss://none').toMatch(/^wss:\/\/[A-Za-z0-9._:[\]-]+$/);
      }),
    );
  });

  test('keeps the path of a public URL, and refuses what is not http', () => {
    expect(addressFromPublicUrl('https://example.com/converge/')).toMatchObject({
      http: 'https://example.com/converge',
      ws: 'wss://example.com/converge',
    });
    expect(() => addressFromPublicUrl('ftp://example.com')).toThrow(
      'must be http or https: ftp://example.com',
    );
  });
});

describe('the page and the plain text', () => {
  test('have the same commands, the page in one code element each', () => {
    const codes = codesOf(renderPage(options));
    expect([...codes.keys()].sort()).toEqual(snippets.map((snippet) => snippet.name).sort());
    const plain = renderPlainText(options).replace(/^ {2}/gm, '');
    for (const snippet of snippets) {
      const text = fillGaps(snippet.text, undefined);
      expect(codes.get(snippet.name)).toBe(text);
      expect(plain).toContain(text);
    }
  });

  test('put a given ID into every command that has a place for one', () => {
    const codes = codesOf(renderPage({ ...options, id: 'build-4711' }));
    for (const [name, text] of codes) {
      const hasGap = snippets.some(
        (snippet) =>
          snippet.name === name &&
          snippet.text.some((part) => typeof part !== 'string' && 'fallback' in part),
      );
      expect(text.includes('build-4711'), name).toBe(hasGap);
      expect(text, name).not.toMatch(/my-job|client\/ID|GITHUB_RUN_ID|CI_JOB_ID|BUILD_TAG|JOB_ID/);
    }
  });

  test('name no ID in what starts an agent, but in the one that says when to choose one', () => {
    const started = snippets
      .map(({ name, text }) => [name, fillGaps(text, undefined)] as const)
      .filter(([, text]) => /agent\.(sh|ps1)|\.\/agent/.test(text));
    expect(started.length).toBeGreaterThan(14);
    const withId = started.filter(([, text]) => /\/agent\/[^\s"]/.test(text)).map(([name]) => name);
    expect(withId).toEqual(['job-id']);
    expect(renderPlainText(options).replaceAll(/\s+/g, ' ')).toContain(
      'Choose an ID only where something has to know the URL before the job has started',
    );
  });

  test('begin with one line for the job and one for the laptop, for each system that has something here', () => {
    const namesWith = (fileNames: string[]): string[] => {
      const some = { ...options, offer: offerOf(fileNames) };
      return [...jobFirstLines(some), ...laptopFirstLines(some)].map(
        ({ choice, text }) => `${choice}: ${fillGaps(text, undefined)}`,
      );
    };
    const url = '"wss://relay.example.com/client/ID"';
    const lines = namesWith(['agent-linux-x64', 'wsproxy-linux-x64', 'wsproxy.mjs']);
    expect(lines[0]).toBe('shell: curl -fsSL https://relay.example.com/docs/agent.sh | sh');
    expect(lines.filter((line) => /^(linux|macos|windows|powershell)/.test(line))).toEqual([
      `linux: curl -fsSL https://relay.example.com/docs/client.sh | sh && ./wsproxy ssh ${url}`,
      `macos: curl -fsSLO https://relay.example.com/docs/wsproxy.mjs && node wsproxy.mjs ssh ${url}`,
      `windows: curl.exe -fsSLO https://relay.example.com/docs/wsproxy.mjs; node wsproxy.mjs ssh ${url}`,
    ]);
    expect(namesWith([]).filter((line) => /^(linux|macos|windows|powershell)/.test(line))).toEqual([]);
    expect(renderPage({ ...options, offer: offerOf([]) })).toContain('No program is built at this relay yet');
    expect(namesWith(['wsproxy-windows-x64.exe', 'agent-windows-x64.exe']).join('\n')).toMatch(
      /^powershell: & \(\[scriptblock\].*^windows: irm https:\/\/relay\.example\.com\/docs\/client\.ps1 \| iex; \.\\wsproxy\.exe ssh/ms,
    );
  });

  test('say on which systems the first line works: those that there is an agent for', () => {
    const titleWith = (...fileNames: string[]): string | undefined =>
      jobFirstLines({ ...options, offer: offerOf(fileNames) })[0]?.title;
    expect(titleWith('agent-linux-x64', 'agent-darwin-arm64')).toMatch(/on Linux or macOS$/);
    expect(titleWith('agent-linux-x64', 'wsproxy-darwin-arm64')).toMatch(/on Linux$/);
  });

  test('give nobody half of what the config and the port take', () => {
    const some = { ...options, offer: offerOf(['wsproxy-linux-x64', 'tcptows-linux-x64', 'wsproxy.mjs']) };
    const shownTo = (section: string, system: System): string[] =>
      buildSections(some)
        .filter(({ name }) => name === section)
        .flatMap((found) => found.snippets)
        .filter(({ systems }) => systems === undefined || systems.includes(system))
        .map(({ name }) => name);
    expect(shownTo('ssh-config', 'linux')).toEqual(['config-add', 'config', 'config-use']);
    expect(shownTo('ssh-config', 'macos')).toEqual(['config-node', 'config-use']);
    expect(shownTo('ssh-config', 'windows')).toEqual(['config-node-windows', 'config-use']);
    expect(shownTo('local-port', 'linux')).toEqual(['tcptows', 'tcptows-ssh']);
    for (const system of ['macos', 'windows'] as const) expect(shownTo('local-port', system)).toEqual([]);
    expect(renderPlainText(some)).toContain('This relay has no tcptows for macOS.');
  });

  test('have the words that people see, as the programs print them', () => {
    const page = unescape(renderPage(options));
    const url = new URL('wss://relay.example.com/client/x');
    const target = { url, id: 'x', pinned: undefined };
    const refused = (code: RefusalCode): FailedDial => ({
      kind: 'refused',
      status: REFUSALS[code].status,
      refusal: { code, message: new Untrusted('why') },
    });
    const missing = failureFrom(refused('agent_not_found'), target, undefined).message;
    expect(missing).toMatch(/^no agent .*it may have ended, or not started yet/);
    const printed = [
      ['no agent', missing],
      ['it may have ended, or not started yet', missing],
      ['(id_taken)', failureFrom(refused('id_taken'), target, undefined).message],
      ['there is no ssh on this machine', missingTool('ssh')],
    ] as const;
    for (const [words, message] of printed) {
      expect(message).toContain(words);
      expect(page).toContain(`<code>${words}</code>`);
    }
    for (const words of [
      'curl: not found',
      'wget: not found',
      'REMOTE HOST IDENTIFICATION HAS CHANGED',
      'Host key verification failed.',
      'Permission denied (publickey)',
      'Permission denied, please try again.',
      'kex_exchange_identification: Connection closed',
      'No space left on device',
    ])
      expect(page).toContain(`<code>${words}</code>`);
  });

  test('pin the agent in every CI block, and say what that is for; where none is built they pin none', () => {
    const pinned = renderPlainText(options);
    expect(pinned.split(`echo "${'0123456789abcdef'.repeat(4)}  agent" | sha256sum -c`)).toHaveLength(1 + 5);
    expect(pinned).toContain('pins the agent of today');
    const without = renderPlainText({ ...options, offer: offerOf(['wsproxy-linux-x64']) });
    expect(without).not.toContain('pins the agent of today');
    expect(without).not.toContain('refused: ');
  });

  test('have blocks for runners with macOS and Windows where there is an agent for them, pinned as well', () => {
    const digest = '0123456789abcdef'.repeat(4);
    const codes = codesOf(renderPage(options));
    const mac = codes.get('github-macos') ?? '';
    expect(mac).toContain(
      'curl --compressed -fsSLo agent https://relay.example.com/docs/agent-darwin-arm64\n',
    );
    expect(mac).toContain(`echo "${digest}  agent" | shasum -a 256 -c ||`);
    expect(mac.replace('agent-darwin-arm64', 'agent').replace('shasum -a 256', 'sha256sum')).toBe(
      codes.get('github'),
    );
    const windows = codes.get('github-windows') ?? '';
    expect(windows).toContain('  shell: pwsh\n');
    expect(windows).toContain(`if ((Get-FileHash agent.exe).Hash -ne "${digest}") {\n      throw "refused: `);
    // The same ID as on Linux, by PowerShell's word for a variable.
    const idOf = (block = ''): string => /\/agent\/(.*)"$/.exec(block)?.[1] ?? '';
    const asked = codesOf(renderPage({ ...options, entry: { ...OPEN_TERMS, agents: ['oidc'] } }));
    expect(idOf(asked.get('github-windows')).replaceAll('$env:', '$')).toBe(idOf(asked.get('github')));
    expect(idOf(asked.get('github-windows'))).toMatch(/^gh\.\$env:GITHUB_REPOSITORY_ID\./);
    const without = codesOf(
      renderPage({ ...options, offer: offerOf(['agent-linux-x64', 'wsproxy-darwin-arm64']) }),
    );
    expect([...without.keys()].filter((name) => name.startsWith('github'))).toEqual(['github']);
  });

  test('say that programs come over plain HTTP, if so', () => {
    const exposed = addressFromRequest('http', 'relay.example.com');
    if (exposed === undefined) throw new Error('no address');
    expect(renderPage({ ...options, relay: exposed })).toContain('over plain HTTP');
    expect(renderPlainText({ ...options, relay: exposed })).toContain('over plain HTTP');
    expect(renderPage(options)).not.toContain('over plain HTTP');
  });

  test('list what this relay has, and what it was built without', () => {
    const text = (fileNames: string[]): string => renderPlainText({ ...options, offer: offerOf(fileNames) });
    expect(renderPlainText(options)).not.toContain('Not at this relay');
    const some = text([
      'agent-linux-x64',
      'wsproxy-linux-x64',
      'tcptows-linux-x64',
      'wsproxy-windows-x64.exe',
    ]);
    expect(some.replaceAll(/\s+/g, ' ')).toContain(
      'Not at this relay linux-arm64, darwin-arm64, darwin-x64: whoever builds it can add them, with PLATFORMS=all',
    );
    expect(some).toContain('https://relay.example.com/docs/wsproxy-windows-x64.exe');
    expect(some).toContain('built and checked, not run by us');
    expect(some).not.toContain('/docs/wsproxy.mjs');
    expect(text(['agent-linux-x64'])).not.toContain('not run by us');
  });

  test('say so where nothing is built', () => {
    expect(renderPage({ ...options, offer: offerOf([]) })).toContain('<code>npm run build</code>');
  });
});

describe('who may come in', () => {
  const withTerms = (entry: Partial<EntryTerms>) => ({ ...options, entry: { ...OPEN_TERMS, ...entry } });
  /** What a person reads, without the breaks between lines. */
  const textWith = (entry: Partial<EntryTerms>): string =>
    renderPlainText(withTerms(entry)).replaceAll(/\s+/g, ' ');

  test('is said in one line, on the page and in the text', () => {
    const lines: [Partial<EntryTerms>, string][] = [
      [{}, 'open: everybody who reaches this relay may use it'],
      [
        { agents: ['oidc', 'token'], clients: ['sso'], knowsNetworks: true },
        'This relay asks who comes. Agents: an identity token of the CI system, or a token. Clients: a single sign-on, or an address that it knows.',
      ],
      [{ agents: [] }, 'Agents: nobody. Clients: anybody.'],
      [{ clients: [] }, 'Agents: anybody. Clients: nobody.'],
      [{ clients: [], knowsNetworks: true }, 'Agents: anybody. Clients: an address that it knows.'],
    ];
    for (const [entry, line] of lines) {
      expect(textWith(entry)).toContain(line);
      expect(renderPage(withTerms(entry)), line).toMatch(
        new RegExp(`<p class="entry" role="note">[^<]*${line.replaceAll('.', '\\.')}`),
      );
    }
    expect(textWith({ clients: ['token'] })).not.toContain('open: everybody');
  });

  test('gives a job what it needs for an identity token, if that is asked for', () => {
    const asking = textWith({ agents: ['oidc'] });
    expect(asking).toContain('permissions: contents: read id-token: write');
    expect(asking).toContain('id_tokens: CONVERGE_ID_TOKEN: aud: https://relay.example.com timeout: 3h');
    for (const other of [textWith({}), textWith({ agents: ['token', 'key'], clients: ['sso'] })])
      expect(other).not.toMatch(/id-token: write|id_tokens:/);
  });

  test('offers an ID that the agent makes up, or any at all, only where no policy asks for another', () => {
    for (const entry of [{}, { clients: ['sso'] as const }]) {
      expect(textWith(entry)).toContain('No block has an ID');
      expect(textWith(entry)).toContain('good for a try');
    }
    for (const entry of [{ agents: ['oidc'] as const }, { agents: [] }]) {
      expect(textWith(entry)).not.toMatch(
        /No block has an ID|agent\.sh \| sh #|\.\/agent wss:\/\/[^/]*\/agent /,
      );
      expect(textWith(entry)).toContain('if this relay allows it at all');
    }
  });

  test('makes the audience the origin alone, as agents do', () => {
    const below = addressFromPublicUrl('https://example.com:8443/converge');
    const entry = { ...OPEN_TERMS, agents: ['oidc'] as const };
    expect(renderPlainText({ ...options, relay: below, entry })).toContain('aud: https://example.com:8443\n');
  });

  test('puts a key into the commands where nothing else will do', () => {
    const only = textWith({ clients: ['certificate'] });
    expect(only).toContain('./wsproxy ssh --identity ~/.ssh/id_ed25519 "wss://');
    expect(only).toContain('./wsproxy config --identity ~/.ssh/id_ed25519 wss://');
    expect(only).toContain('ProxyCommand wsproxy --identity ~/.ssh/id_ed25519 --strip .job wss://');
    expect(only).toContain('./tcptows --identity ~/.ssh/id_ed25519 2222 "wss://');
    expect(only).toContain('.\\wsproxy.exe ssh --identity C:/Users/ME/.ssh/id_ed25519 "wss://');
    const either = textWith({ clients: ['certificate', 'sso', 'token'] });
    expect(either).not.toMatch(/--identity [~C]/);
    for (const word of ['FILE-cert.pub', 'To sign on', 'CONVERGE_TOKEN']) expect(either).toContain(word);
    expect(textWith({})).not.toMatch(/FILE-cert\.pub|To sign on|CONVERGE_TOKEN/);
  });

  test('gives a job an ID that the documented policies give to it, and to no other project', () => {
    const ids = [
      'gh.$GITHUB_REPOSITORY_ID.$GITHUB_RUN_ID.$GITHUB_RUN_ATTEMPT-$GITHUB_JOB-${{ strategy.job-index }}"',
      'gl.$CI_PROJECT_ID.$CI_JOB_ID"',
      'jenkins.$(printf %s "$BUILD_TAG"',
      'cc.$CIRCLE_PROJECT_ID.$CIRCLE_WORKFLOW_JOB_ID-$CIRCLE_NODE_INDEX"',
      'bk.$BUILDKITE_PIPELINE_ID.$BUILDKITE_JOB_ID"',
    ];
    for (const id of ids) {
      expect(textWith({ agents: ['token'] })).toContain(`/agent/${id}`);
      expect(textWith({ clients: ['sso'] })).not.toContain(`/agent/${id}`);
    }
  });

  test('gives Jenkins the variable for a token, if that is asked for', () => {
    expect(textWith({ agents: ['token'] })).toContain("CONVERGE_TOKEN = credentials('converge-token')");
    expect(textWith({ agents: ['oidc'] })).not.toContain('credentials(');
  });

  test('has a block of its own for the job, which is copied by itself', () => {
    const codes = codesOf(renderPage(withTerms({ agents: ['oidc'] })));
    expect(codes.get('github-permissions')).toBe('permissions:\n  contents: read\n  id-token: write');
    expect(codes.get('github')).toMatch(/^- name: Open a shell/);
    expect(codesOf(renderPage(options)).has('github-permissions')).toBe(false);
    // The blocks for other runners need them too, and an id is there once.
    const said = textWith({ agents: ['oidc'] }).match(
      /The job needs the permissions of the block before, too\./g,
    );
    expect(said).toHaveLength(2);
    expect(renderPage(withTerms({ agents: ['oidc'] })).match(/id="github-permissions"/g)).toHaveLength(1);
  });
});

describe('the ID box', () => {
  test('has the grammar of isValidId', () => {
    // The flag is the browser's: it compiles the attribute so.
    const pattern = new RegExp(`^(?:${ID_INPUT_PATTERN})$`, 'v');
    const nearId = fc.stringMatching(/^[A-Za-z0-9._ä/-]{0,130}$/);
    fc.assert(
      fc.property(fc.oneof(nearId, fc.string()), (text) => {
        expect(pattern.test(text)).toBe(isValidId(text));
      }),
    );
    for (const text of ['a', '-a', '.a', 'a'.repeat(128), 'a'.repeat(129), 'a\n'])
      expect(pattern.test(text), text).toBe(isValidId(text));
  });

  test('shows what was refused, harmless, with a message beside it', () => {
    const page = renderPage({ ...options, rejectedId: '"><script>alert(1)</script>' });
    expect(page).toContain('value="&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;"');
    expect(page).toContain('aria-invalid="true"');
    expect(page).toContain('That is no ID');
    expect(page.match(/<script/g)).toHaveLength(1);
  });
});

describe('markup', () => {
  test('is escaped wherever it comes from', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const { markup } = html`<b title="${text}">${text}</b>`;
        expect(unescape(markup.slice('<b title="'.length, markup.indexOf('">')))).toBe(text);
        expect(markup.match(/[<>]/g)).toHaveLength(4);
      }),
    );
  });

  test('of prose is code and http links only', () => {
    expect(htmlFromProse('a `<b>` [c](https://d/e) [f](javascript:g) & h').markup).toBe(
      'a <code>&lt;b&gt;</code> <a href="https://d/e">c</a> f &amp; h',
    );
    expect(plainFromProse('a `b` [c](https://d/e)')).toBe('a b https://d/e');
  });

  test('has no id twice', () => {
    const ids = [...renderPage(options).matchAll(/\bid="([^"]*)"/g)].map((match) => match[1]);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('has a policy that fits its one style and one script', () => {
    const page = renderPage(options);
    for (const [tag, directive] of [
      ['style', 'style-src'],
      ['script', 'script-src'],
    ] as const) {
      const content = page.slice(page.indexOf(`<${tag}>`) + tag.length + 2, page.indexOf(`</${tag}>`));
      const hash = createHash('sha256').update(content).digest('base64');
      expect(SECURITY_HEADERS['content-security-policy']).toContain(`${directive} 'sha256-${hash}';`);
    }
    expect(SECURITY_HEADERS['content-security-policy']).not.toContain('unsafe');
  });
});

describe('colours', () => {
  const pairs: [ColorName, ColorName[]][] = [
    ['text', ['page', 'panel', 'code', 'gap']],
    ['muted', ['page', 'panel', 'code']],
    ['accent', ['page', 'panel']],
    ['panel', ['accent']],
    ['alert', ['page', 'panel', 'alertPanel']],
  ];

  test.each(['light', 'dark'] as const)('in the %s page reach 4.5 to 1', (scheme) => {
    for (const [front, grounds] of pairs)
      for (const ground of grounds)
        expect(
          contrastOf(PALETTES[scheme][front], PALETTES[scheme][ground]),
          `${front} on ${ground}`,
        ).toBeGreaterThanOrEqual(4.5);
  });
});

function codesOf(page: string): Map<string, string> {
  return new Map(
    [...page.matchAll(/<code id="([^"]+)">([\s\S]*?)<\/code>/g)].map(([, name = '', content = '']) => [
      name,
      unescape(content.replace(/<[^>]*>/g, '')),
    ]),
  );
}

function unescape(text: string): string {
  const characters: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" };
  return text.replace(/&(amp|lt|gt|quot|#39);/g, (_entity, name: string) => characters[name] ?? '');
}

/** WCAG 2.2, "contrast ratio". */
function contrastOf(one: string, other: string): number {
  const [dark = 0, light = 0] = [luminanceOf(one), luminanceOf(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

function luminanceOf(color: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const value = Number.parseInt(color.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
