// The terminal page in Debian's Firefox: from the link to a prompt, and a file up there.
import { expect, onTestFinished, test } from 'vitest';
import { openFirefoxPage } from '../support/browser/firefox-page.ts';
import { startAgent } from '../support/laptop/job.ts';
import { useWorld } from '../support/laptop/world.ts';
import { ensureFirefox } from '../support/machine/browser.ts';

const SEEN_WITHIN = { timeout: 60_000, interval: 200 };
/** Enter, as WebDriver writes it. */
const ENTER = '\ue007';

const world = useWorld();

test('from the link to a prompt, in colour, and nothing that its policy forbids', async () => {
  const agent = await startAgent(world, { held: true });
  const page = await openFirefoxPage(await ensureFirefox(), agent.card.terminal ?? '');
  onTestFinished(() => page[Symbol.asyncDispose]());
  await page.evaluate(`window.violations = [];
    addEventListener('securitypolicyviolation', ({ effectiveDirective }) => window.violations.push(effectiveDirective))`);
  const text = (selector: string) => page.evaluate(`document.querySelector('${selector}')?.innerText ?? ''`);
  await expect.poll(() => text('h1'), SEEN_WITHIN).toBe('Sign in');
  await page.type(`${agent.card.password}${ENTER}`);
  await expect.poll(() => text('.xterm-rows'), SEEN_WITHIN).toMatch(/[#$]\s*$/);
  await page.type(`printf '\\033[38;2;10;200;30mgreen-%s\\033[0m\\n' $((6*7))${ENTER}`);
  await expect.poll(() => text('.xterm-rows'), SEEN_WITHIN).toMatch(/green-42/);
  const colours = `[...document.querySelectorAll('.xterm-rows span')].filter((span) => span.textContent === 'green-42').map((span) => getComputedStyle(span).color).join()`;
  expect(await page.evaluate(colours)).toMatch(/^rgb\(/);
  await page.evaluate(`document.querySelector('[aria-label="Files"]').click()`);
  await expect.poll(() => text('.folder'), SEEN_WITHIN).toContain('.hold');
  expect(await page.evaluate('window.violations.join()')).toBe('');
});
