// Claim texts: what a claim says as a text, and how that is written in an ID.
import type { Claims } from '../identity/identity.ts';

/** No claim that counts is longer, in characters. */
export const MAX_CLAIM_TEXT = 1_024;

/** What an ID may have of a claim; the keys are written as the values. */
const ESCAPES: Readonly<Record<string, string>> = { '/': '__', _: '_u', '.': '_d' };
const WRITABLE = /^[A-Za-z0-9/_.-]+$/;

/**
 * The text of a claim: a string as it is, a number or a boolean as JSON writes it. Undefined for a list, an object, null, an
 * empty text, and where there is no such claim. Never throws.
 */
export function plainTextOf(claims: Claims, name: string): string | undefined {
  const value = Object.hasOwn(claims, name) ? claims[name] : undefined;
  switch (typeof value) {
    case 'string':
      return value === '' ? undefined : value;
    case 'number':
    case 'boolean':
      return JSON.stringify(value);
    default:
      return undefined;
  }
}

/**
 * `text` in the alphabet of IDs, so that two texts are never written alike: `/` is `__`, `_` is `_u`, `.` is `_d`. It has no dot.
 * Undefined for a text with other characters than those, letters, digits and dashes.
 */
export function writeClaim(text: string): string | undefined {
  return WRITABLE.test(text) ? text.replaceAll(/[/_.]/g, (character) => ESCAPES[character] ?? '') : undefined;
}
