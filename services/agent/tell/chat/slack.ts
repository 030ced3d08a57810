// A message for Slack's incoming webhooks (docs.slack.dev, "Formatting message text").
import { type ChatMessage, plainText } from './message.ts';

/**
 * The sentence stands in a block of plain text, where nothing is a mention or a style. `text` is what notifications show: there,
 * and in `mrkdwn`, these three characters are all that begins anything but a style, `<!channel>` among it.
 */
export function slackBody(message: ChatMessage): object {
  const sentence = plainText(message);
  const { command, links } = message;
  const parts = [
    ...(command === undefined ? [] : [`\`\`\`${slackEscaped(command)}\`\`\``]),
    ...links.map(({ words, url }) => `<${slackEscaped(url)}|${words}>`),
  ];
  const sections = [
    { type: 'section', text: { type: 'plain_text', text: sentence, emoji: false } },
    ...(parts.length === 0
      ? []
      : [{ type: 'section', text: { type: 'mrkdwn', text: parts.join('\n'), verbatim: true } }]),
  ];
  return { text: slackEscaped(sentence), blocks: sections, unfurl_links: false, unfurl_media: false };
}

function slackEscaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
