// Links in the output of a job: only to the web, and in a tab that knows nothing of this one.
import { announce } from '../dom/announcer.ts';
import { element } from '../dom/element.ts';
import { MAX_LINK_CHARACTERS } from '../dom/limits.ts';
import { askToChoose } from '../dom/question.ts';
import { visibleText } from '../dom/visible-text.ts';

/** A link whose text is its address: it can be seen where it leads. */
export function followSeenLink(text: string): void {
  const url = webUrlFrom(text);
  if (url === undefined) return announce('That is no link to the web.');
  window.open(url.href, '_blank', 'noopener,noreferrer');
}

/** A link behind other words (OSC 8): the person sees the address first. */
export async function followHiddenLink(address: string): Promise<void> {
  const url = webUrlFrom(address);
  if (url === undefined)
    return announce('The job made a link that does not lead to the web: it is not followed.');
  const answer = await askToChoose<'open'>({
    title: `Open a page of ${url.host}?`,
    said: [
      'The words in the terminal may say something else. The link leads to:',
      element('pre', { class: 'quoted', tabindex: 0 }, visibleText(url.href, MAX_LINK_CHARACTERS)),
    ],
    choices: [{ label: 'Open', answer: 'open', isMain: true }],
  });
  if (answer === 'open') window.open(url.href, '_blank', 'noopener,noreferrer');
}

/** With the host as the network has it: letters that look like others are seen then. No user name that looks like a host. */
function webUrlFrom(text: string): URL | undefined {
  const url = text.length > MAX_LINK_CHARACTERS ? null : URL.parse(text);
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) return undefined;
  return url.username === '' && url.password === '' ? url : undefined;
}
