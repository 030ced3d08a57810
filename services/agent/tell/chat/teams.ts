// A message for a workflow of Microsoft Teams ("When a Teams webhook request is received"): one Adaptive Card.
import { type ChatMessage, plainText } from './message.ts';

/** The first that has text without Markdown; phones know no later one. */
const CARD_VERSION = '1.2';

/**
 * Text stands in TextRun, which knows no Markdown, where a TextBlock would make links of it. A mention would have to be declared
 * beside the card. What begins a function of a card, `{{DATE(…)}}`, is taken apart.
 */
export function teamsBody(message: ChatMessage): object {
  const { command, links } = message;
  const content = {
    $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
    type: 'AdaptiveCard',
    version: CARD_VERSION,
    fallbackText: unfunctional(plainText(message)),
    body: [
      richText({ text: unfunctional(plainText(message)) }),
      ...(command === undefined ? [] : [richText({ text: unfunctional(command), fontType: 'Monospace' })]),
    ],
    actions: links.map(({ words, url }) => ({ type: 'Action.OpenUrl', title: words, url })),
    msteams: { width: 'Full' },
  };
  const attachment = { contentType: 'application/vnd.microsoft.card.adaptive', contentUrl: null, content };
  return { type: 'message', attachments: [attachment] };
}

function richText(run: Readonly<Record<string, string>>): object {
  return { type: 'RichTextBlock', inlines: [{ type: 'TextRun', ...run }] };
}

function unfunctional(text: string): string {
  return text.replaceAll(/\{(?=\{)/g, '{ ');
}
