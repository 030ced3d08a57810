// A message for Discord's webhooks: Markdown, in which nobody is mentioned.
import { type ChatMessage, codeBlock, markdownText } from './message.ts';

/** Discord refuses more, in characters. */
export const MAX_DISCORD_LENGTH = 2_000;

/** What does not fit is left out, from the end. A link in `<…>` gets no preview. */
export function discordBody(message: ChatMessage): object {
  const { command, links } = message;
  const parts = [
    ...links.map(({ words, url }) => `${words}: <${url}>`),
    ...(command === undefined ? [] : [codeBlock(command)]),
  ];
  const content = parts.reduce((text, part) => {
    const longer = `${text}\n${part}`;
    return longer.length > MAX_DISCORD_LENGTH ? text : longer;
  }, markdownText(message));
  return { content, allowed_mentions: { parse: [] } };
}
