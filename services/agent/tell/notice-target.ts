// Where a notice goes: a URL, and the form that what is there understands.
import { isLoopbackHost } from '#shared/protocol/loopback.ts';

/** Ahead of the URL; without one of them it gets the body for programs. */
export const CHAT_PRESETS = ['slack', 'mattermost', 'teams', 'discord'] as const;

/** `json` for programs. */
export type NoticeForm = (typeof CHAT_PRESETS)[number] | 'json';

/** One webhook. Its URL is a secret: whoever has it can post there. */
export interface NoticeTarget {
  readonly form: NoticeForm;
  readonly url: URL;
}

export type ParsedTarget =
  | { readonly kind: 'target'; readonly target: NoticeTarget }
  /** `fault` is the rest of a sentence, and has nothing of what may be secret. */
  | { readonly kind: 'invalid'; readonly fault: string };

const PRESET = new RegExp(`^(${CHAT_PRESETS.join('|')}):(?=https?://)`, 'i');

/** Reads `[PRESET:]URL`. http:// is for this machine alone, unless `allowsHttp`. Never throws. */
export function parseNoticeTarget(text: string, allowsHttp: boolean): ParsedTarget {
  const [prefix = '', preset = 'json'] = PRESET.exec(text) ?? [];
  const url = URL.parse(text.slice(prefix.length));
  if (url === null) return invalid(`is no URL: ${FORMS}`);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return invalid(`is no https:// URL: ${FORMS}`);
  if (url.protocol === 'http:' && !allowsHttp && !isLoopbackHost(url.hostname)) {
    return invalid(
      `goes to ${url.host} by http://, so whoever is on the way learns where the job is open, and can post there too: use https://, or --allow-insecure-notify`,
    );
  }
  return { kind: 'target', target: { form: preset.toLowerCase() as NoticeForm, url } };
}

const FORMS = `write it like https://HOST/PATH, or with ${CHAT_PRESETS.map((preset) => `${preset}:`).join(', ')} before it`;

function invalid(fault: string): ParsedTarget {
  return { kind: 'invalid', fault };
}
