// A marked part of a page: what stands between two markers, and is written from the code.

/**
 * `text` with `part` between `<!-- NAME: written by … -->` and the next `<!-- end -->`.
 * @throws Error where the page has no such place
 */
export function replaceMarkedPart(text: string, name: string, part: string): string {
  const place = new RegExp(`(<!-- ${name}: written by [^>]+ -->\n)[^]*?(?=<!-- end -->)`);
  if (!place.test(text)) throw new Error(`no place for the ${name}: its markers are missing`);
  return text.replace(place, (_all, begin: string) => begin + part);
}
