// Whom to tell, by the option that may be given more than once.
import type { Environment } from '#shared/machine/environment.ts';
import { type NoticeTarget, parseNoticeTarget } from '../tell/notice-target.ts';
import type { Note } from './entry-options.ts';
import { OPTIONS } from './option-table.ts';
import type { Words } from './words.ts';

/** More than this is a mistake in a variable. */
export const MAX_NOTIFIED_URLS = 8;

/** Without those that have a fault; what they are is not told, since a URL of a webhook is a secret. */
export function readNotifyOptions(
  words: Words,
  env: Environment,
  allowsHttp: boolean,
  note: Note,
): readonly NoticeTarget[] {
  const { name, variable } = OPTIONS.notify;
  const given = words.values.get('notify');
  const origin = given === undefined ? variable : `--${name}`;
  // An empty variable is a secret that this job does not get, as in a pull request of a fork: nobody is told then.
  const texts = (given ?? (env[variable] ?? '').split(/[,\n]/)).map((text) => text.trim());
  const urls = given === undefined ? texts.filter((text) => text !== '') : texts;
  if (urls.length > MAX_NOTIFIED_URLS) {
    note(`${origin}: ${urls.length} URLs, ${MAX_NOTIFIED_URLS} are taken`);
    return [];
  }
  return urls.flatMap((text, index) => {
    const parsed = parseNoticeTarget(text, allowsHttp);
    if (parsed.kind === 'target') return [parsed.target];
    note(`${origin}: ${urls.length === 1 ? 'the value' : `value ${index + 1}`} ${parsed.fault}`);
    return [];
  });
}
