// A message for Mattermost's incoming webhooks: Markdown. Its server looks for mentions in text, and not in code.
import { type ChatMessage, codeBlock, markdownText } from './message.ts';

/** The body of a post. */
export function mattermostBody(message: ChatMessage): object {
  const { command, links } = message;
  const parts = [
    markdownText(message),
    ...(command === undefined ? [] : [codeBlock(command)]),
    links.map(({ words, url }) => `[${words}](<${url}>)`).join(' · '),
  ];
  return { text: parts.filter((part) => part !== '').join('\n\n') };
}
