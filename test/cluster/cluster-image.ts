// An image as people write it, in the chart's values.

/** `[HOST[:PORT]/]NAME[:TAG][@DIGEST]`; without a tag and a digest it is `latest`, as everywhere. */
export function imageValues(image: string): {
  readonly repository: string;
  readonly tag: string;
  readonly digest: string;
} {
  const [named = '', digest = ''] = image.split('@');
  // A colon before a slash is a port.
  const colon = named.indexOf(':', named.lastIndexOf('/') + 1);
  const repository = colon < 0 ? named : named.slice(0, colon);
  const tag = colon < 0 ? (digest === '' ? 'latest' : '') : named.slice(colon + 1);
  return { repository, tag, digest };
}
