// What the chats have in common: a message with words of strangers in it.
import { Untrusted } from '#shared/text/untrusted.ts';

/** Of one text from outside, so many characters stand in a message. */
export const MAX_CHAT_NAME_LENGTH = 100;

/** A notice as a chat shows it. */
export interface ChatMessage {
  readonly sentence: readonly (string | Untrusted)[];
  readonly command: string | undefined;
  readonly links: readonly { readonly words: string; readonly url: string }[];
}

/** For a field that is shown as it is. */
export function plainText({ sentence }: Pick<ChatMessage, 'sentence'>): string {
  return sentence
    .map((part) => (part instanceof Untrusted ? part.printable(MAX_CHAT_NAME_LENGTH) : part))
    .join('');
}

/**
 * For Markdown: what comes from outside is code, in which nothing is a mention, a link or a style. Of what could end the code
 * only the backtick is left, and is written as another character.
 */
export function markdownText({ sentence }: Pick<ChatMessage, 'sentence'>): string {
  return sentence.map((part) => (part instanceof Untrusted ? codeSpan(part) : part)).join('');
}

/** A block of code in Markdown. */
export function codeBlock(command: string): string {
  return `\`\`\`\n${command.replaceAll('`', "'")}\n\`\`\``;
}

function codeSpan(text: Untrusted): string {
  const inner = text.printable(MAX_CHAT_NAME_LENGTH).replaceAll('`', "'").trim();
  return inner === '' ? '?' : `\`${inner}\``;
}
