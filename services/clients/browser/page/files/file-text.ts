// What is said of a file: sizes, times and faults, in words.
import { JobFault } from '../../job/job-fault.ts';
import { FileFault, type FileFaultCode } from '../../job/job-files.ts';
import { visibleText } from '../dom/visible-text.ts';

const UNITS = ['KB', 'MB', 'GB', 'TB'] as const;
const STEP = 1_000;

/** `912 B`, `1.4 MB`: three digits, of thousands as `ls -h --si` has them. */
export function sizeText(bytes: number): string {
  let value = bytes;
  let unit = 'B';
  for (const larger of UNITS) {
    // 999.5 would be shown as 1000.
    if (value < STEP - 0.5) break;
    value /= STEP;
    unit = larger;
  }
  const digits = unit === 'B' || value >= 99.95 ? 0 : 1;
  return `${value.toFixed(digits)} ${unit}`;
}

/** The time today, the day this year, else the date; as the browser's language has it. */
export function timeText(ms: number, now: number): string {
  const then = new Date(ms);
  const today = new Date(now);
  if (then.toDateString() === today.toDateString())
    return then.toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit' });
  const year = then.getFullYear() === today.getFullYear() ? {} : { year: 'numeric' as const };
  return then.toLocaleDateString(undefined, { day: 'numeric', month: 'short', ...year });
}

const FAULTS: Readonly<Record<FileFaultCode, string>> = {
  no_such_file: 'it is not there any more',
  permission_denied: 'the job does not allow it',
  failure: 'the job could not do it',
  unsupported: 'the job cannot do this',
  ended: 'the connection has ended',
  closed: 'the job has closed the channel of its files',
  aborted: 'cancelled',
  bad_answer: 'the answer makes no sense',
};

/** Why something could not be done, in half a sentence. */
export function faultSentence(error: unknown): string {
  if (error instanceof FileFault) {
    const said = error.said?.rawTextToParse() ?? '';
    return said === '' ? FAULTS[error.code] : `${FAULTS[error.code]} (${visibleText(said, 120)})`;
  }
  if (error instanceof JobFault && error.code === 'ended') return FAULTS.ended;
  return error instanceof Error ? visibleText(error.message, 200) : 'something went wrong';
}
