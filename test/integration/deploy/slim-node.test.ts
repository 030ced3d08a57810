// The slim Node: what it lost are languages, and nothing that programs in English can tell.
import { beforeAll, expect, test } from 'vitest';
import { runCommand } from '../../../deploy/build/command.ts';
import { hostPlatform } from '../../../deploy/build/linux-platform.ts';
import { NODE_BINARY, slimNode } from '../../../deploy/build/node-runtime.ts';

let slim: string;
beforeAll(async () => {
  slim = (await slimNode(hostPlatform())).path;
}, 120_000);

/** What of ICU a program may come to: each is evaluated by both. */
const EXPRESSIONS = [
  '(1234567.891).toLocaleString("en")',
  '(1234567.891).toLocaleString()',
  'new Intl.NumberFormat("en", { style: "unit", unit: "megabyte", maximumFractionDigits: 1 }).format(12.34)',
  'new Date(0).toString()',
  'new Date(0).toLocaleString("en-GB", { timeZone: "Asia/Kolkata", timeZoneName: "long" })',
  'new Date(86400000 * 200).toLocaleString("en", { timeZone: "America/New_York", dateStyle: "full", timeStyle: "full" })',
  'new Intl.DateTimeFormat().resolvedOptions().timeZone',
  'new Intl.PluralRules("en", { type: "ordinal" }).select(22)',
  'new Intl.RelativeTimeFormat("en", { numeric: "auto" }).format(-1, "day")',
  'new Intl.ListFormat("en").format(["a", "b", "c"])',
  'new Intl.DisplayNames("en", { type: "region" }).of("DE")',
  '["ä", "z", "a", "Z", "é", "_", "10", "9"].sort(new Intl.Collator("en", { numeric: true }).compare)',
  '["ä", "z", "a"].sort((a, b) => a.localeCompare(b))',
  '[..."NFC NFD NFKC NFKD".split(" ")].map((form) => escape("Åﬁ①".normalize(form)))',
  'new URL("http://bücher.example/").host + require("url").domainToUnicode("xn--bcher-kva.example")',
  '[...new Intl.Segmenter("en").segment("👨‍👩‍👧 né")].length',
  '[...new Intl.Segmenter("en", { granularity: "word" }).segment("two words.")].map(({ segment }) => segment)',
  '"ǅß İ".toLocaleLowerCase("en") + "ß".toUpperCase() + "I".toLocaleLowerCase("tr")',
  '/^\\p{Lu}\\p{Script=Greek}\\p{Emoji}$/u.test("Aα😀")',
  '["utf-8", "utf-16le", "latin1"].map((name) => new TextDecoder(name).decode(new Uint8Array([0x41, 0, 0xe4, 0])))',
  'Intl.getCanonicalLocales("EN-us")',
];

function answersOf(node: string, env: Readonly<Record<string, string>>): Promise<string> {
  const program = `console.log(JSON.stringify([${EXPRESSIONS.join(',')}], null, 1))`;
  return runCommand(node, ['-e', program], { PATH: process.env['PATH'], ...env });
}

test.each([{}, { TZ: 'Europe/Berlin', LANG: 'en_US.UTF-8' }, { TZ: 'Pacific/Chatham', LC_ALL: 'C' }])(
  'answers as the whole one does: %j',
  async (env) => {
    const [whole, ours] = await Promise.all([answersOf(NODE_BINARY, env), answersOf(slim, env)]);
    expect(JSON.parse(ours)).toEqual(JSON.parse(whole));
  },
);

test('another language falls back to English, asked for or by the environment, and ends nothing', async () => {
  const answer = await runCommand(
    slim,
    ['-e', 'console.log((1234.5).toLocaleString("de"), (1234.5).toLocaleString(), new Date(0).toString())'],
    { PATH: process.env['PATH'], LANG: 'de_DE.UTF-8', TZ: 'UTC' },
  );
  expect(answer).toMatch(/^1.?234.5 1.?234.5 Thu Jan 01 1970 00:00:00 GMT\+0000 \(.+\)\n$/);
});
