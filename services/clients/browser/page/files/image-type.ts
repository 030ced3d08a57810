// Image types: what a file is by its first bytes, whatever its name says. Only kinds that hold no program.

/** How many bytes tell it. */
export const IMAGE_HEAD_BYTES = 16;

/** The media type; undefined for all that is no such image. SVG is none of them: it may hold scripts. */
export function imageTypeOf(head: Uint8Array): string | undefined {
  const text = String.fromCharCode(...head.subarray(0, IMAGE_HEAD_BYTES));
  if (text.startsWith('\u0089PNG\r\n\u001a\n')) return 'image/png';
  if (text.startsWith('\u00ff\u00d8\u00ff')) return 'image/jpeg';
  if (/^GIF8[79]a/.test(text)) return 'image/gif';
  if (/^RIFF[^]{4}WEBP/.test(text)) return 'image/webp';
  return undefined;
}
