// The fixed limits of the terminal page, for the page of limits.
import {
  MAX_ARCHIVE_DEPTH,
  MAX_ARCHIVE_FILL_BYTES,
  MAX_FILES_AT_ONCE,
  MAX_HELD_DOWNLOAD_BYTES,
  MAX_IMAGE_BYTES,
  MAX_LINK_CHARACTERS,
  MAX_OFFERED_CHARACTERS,
  MAX_REFUSED_FILES,
  MAX_REFUSED_OFFERS,
  MAX_RUNNING_TRANSFERS,
  MAX_SHOWN_ROWS,
  MAX_TERMINALS,
  MAX_TEXT_BYTES,
  MAX_TITLE_CHARACTERS,
  MAX_UPLOAD_DEPTH,
  MAX_UPLOAD_ENTRIES,
  SCROLLBACK_LINES,
} from '../../../services/clients/browser/page/dom/limits.ts';
import { MAX_TERMINAL_PAGE_BYTES } from '../terminal-bundle.ts';
import type { FixedLimit } from './fixed-limit.ts';

export const TERMINAL_LIMITS: Readonly<Record<string, readonly FixedLimit[]>> = {
  'The terminal page': [
    {
      what: 'all of it, compressed as it travels',
      value: MAX_TERMINAL_PAGE_BYTES,
      unit: 'bytes',
      past: 'the build fails',
    },
    { what: 'terminals', value: MAX_TERMINALS, unit: 'count', past: 'no more are opened' },
    {
      what: 'lines of a terminal that one can scroll back to',
      value: SCROLLBACK_LINES,
      unit: 'count',
      past: 'the oldest go',
    },
    {
      what: 'a title that a program sets, in characters',
      value: MAX_TITLE_CHARACTERS,
      unit: 'count',
      past: 'it is cut',
    },
    { what: 'a link, in characters', value: MAX_LINK_CHARACTERS, unit: 'count', past: 'it is not followed' },
    {
      what: 'what a program offers to the clipboard, in characters',
      value: MAX_OFFERED_CHARACTERS,
      unit: 'count',
      past: 'it is refused',
    },
    {
      what: 'offers to the clipboard that a person refuses, one after the other',
      value: MAX_REFUSED_OFFERS,
      unit: 'count',
      past: 'that terminal asks no more',
    },
    { what: 'transfers at once', value: MAX_RUNNING_TRANSFERS, unit: 'count', past: 'the others wait' },
    {
      what: 'files and folders in a folder that is uploaded',
      value: MAX_UPLOAD_ENTRIES,
      unit: 'count',
      past: 'refused before anything is uploaded, and an archive named',
    },
    {
      what: 'folders within folders of one that is uploaded',
      value: MAX_UPLOAD_DEPTH,
      unit: 'count',
      past: 'refused likewise',
    },
    { what: 'its files at once', value: MAX_FILES_AT_ONCE, unit: 'count', past: 'the others wait' },
    {
      what: 'its files one after the other that the job does not take',
      value: MAX_REFUSED_FILES,
      unit: 'count',
      past: 'the rest is given up, and the reason shown',
    },
    {
      what: 'a download in a browser that lets no page write files',
      value: MAX_HELD_DOWNLOAD_BYTES,
      unit: 'bytes',
      past: 'it is refused, and `./wsproxy sftp` named',
    },
    { what: 'a text that is shown', value: MAX_TEXT_BYTES, unit: 'bytes', past: 'it can be downloaded' },
    { what: 'an image that is shown', value: MAX_IMAGE_BYTES, unit: 'bytes', past: 'it can be downloaded' },
    {
      what: 'rows of a folder',
      value: MAX_SHOWN_ROWS,
      unit: 'count',
      past: 'the page says that there are more',
    },
    {
      what: 'folders within folders of an archive',
      value: MAX_ARCHIVE_DEPTH,
      unit: 'count',
      past: 'they are left out, and counted',
    },
    {
      what: 'zeros in an archive for what a file has not, though the job said so',
      value: MAX_ARCHIVE_FILL_BYTES,
      unit: 'bytes',
      past: 'the archive fails',
    },
  ],
};
