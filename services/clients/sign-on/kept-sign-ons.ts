// Kept sign-ons: what a relay gave to somebody who has signed on, in the user's own state folder, so that the next start need not ask.
import { createHash } from 'node:crypto';
import { parseSignOnProgress, type SignedOn } from '#shared/protocol/sign-on.ts';
import { parseRecord } from '#shared/text/json-record.ts';
import { forgetPrivate, type Kept, keepPrivate, readPrivate } from './private-folder.ts';

export type FoundSignOn =
  | { readonly kind: 'found'; readonly signedOn: SignedOn }
  | { readonly kind: 'missing' }
  /** A sentence for a person, with the way out. */
  | { readonly kind: 'ignored'; readonly message: string };

/** One file for each relay. */
export class KeptSignOns {
  /** Where they lie. */
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** `relay`: where it is asked, by its URL without a path of this protocol. Never rejects. */
  async find(relay: string): Promise<FoundSignOn> {
    const file = await readPrivate(this.folder, fileNameOf(relay, 'json'));
    if (file.kind !== 'text') return file;
    const progress = parseSignOnProgress(file.text);
    // The name is a hash: what is in the file says which relay it was.
    const isOfRelay = parseRecord(file.text)?.['relay'] === relay;
    return isOfRelay && progress?.kind === 'signed_on'
      ? { kind: 'found', signedOn: progress.signedOn }
      : { kind: 'missing' };
  }

  /** Never rejects. */
  keep(relay: string, signedOn: SignedOn): Promise<Kept> {
    return keepPrivate(this.folder, fileNameOf(relay, 'json'), `${JSON.stringify({ relay, ...signedOn })}\n`);
  }

  /** Never rejects. */
  async forget(relay: string): Promise<void> {
    await forgetPrivate(this.folder, fileNameOf(relay, 'json'));
  }
}

/** The name of a file that is about this relay. */
export function fileNameOf(relay: string, ending: 'json' | 'turn'): string {
  return `sign-on-${createHash('sha256').update(relay).digest('hex').slice(0, 32)}.${ending}`;
}
