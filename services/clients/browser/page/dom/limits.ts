// The page's limits: how much of a job, or of what a job says, a page takes. All are in docs/limits.md.

/** As many as one connection may have: the agent allows more channels, and files need some. */
export const MAX_TERMINALS = 8;

/** Of each terminal; a line of 80 characters takes a kilobyte. */
export const SCROLLBACK_LINES = 10_000;

/** A title that a program sets, in characters. */
export const MAX_TITLE_CHARACTERS = 60;

/** Longer than this is no link, in characters. */
export const MAX_LINK_CHARACTERS = 2_048;

/** More than this is not offered to the clipboard, in characters: nobody can look at it. */
export const MAX_OFFERED_CHARACTERS = 100_000;

/** Of such offers to the clipboard, one after the other: then a terminal asks no more. */
export const MAX_REFUSED_OFFERS = 3;

/** At once; the others wait. Each has many requests on its way already. */
export const MAX_RUNNING_TRANSFERS = 2;

/** Of one folder that is uploaded: files and folders in it. */
export const MAX_UPLOAD_ENTRIES = 50_000;

/** Deeper than this no folder is uploaded: a link on this machine may lead back into its own folder. In folders. */
export const MAX_UPLOAD_DEPTH = 64;

/** At once, of a folder that is uploaded: small files wait for answers more than for bytes. */
export const MAX_FILES_AT_ONCE = 4;

/** One after the other that the job does not take: then the folder is given up, since a disk may be full. */
export const MAX_REFUSED_FILES = 20;

/** Held in memory until all of it is there: where the browser lets no page write files, no more than this, in bytes. */
export const MAX_HELD_DOWNLOAD_BYTES = 1_073_741_824;

/** A text of more is no text to be looked at in a page, in bytes. */
export const MAX_TEXT_BYTES = 1_048_576;

/** The same of an image. */
export const MAX_IMAGE_BYTES = 16_777_216;

/** More rows of a folder are not drawn: nobody reads them, and a browser takes seconds. */
export const MAX_SHOWN_ROWS = 2_000;

/** Deeper than this a folder is not archived: a mount that holds itself would never end. In folders. */
export const MAX_ARCHIVE_DEPTH = 64;

/** Zeros in an archive in place of what a file has not, though the job said so; more ends the archive. In bytes. */
export const MAX_ARCHIVE_FILL_BYTES = 1_073_741_824;
