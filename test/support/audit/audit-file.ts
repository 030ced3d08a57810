// The record of a relay as whoever reads it sees it: lines that keep to the schema, and the script of docs/audit.md.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AUDIT_PAGE } from '../../../deploy/build/pages/audit-page.ts';
import { AUDIT_LINE } from '../../../deploy/build/pages/audit-schema.ts';
import { JOB_RECORD } from '../../../deploy/build/pages/job-schema.ts';

export type Line = Readonly<Record<string, unknown>>;

/** The lines of a text. @throws Error for one that the schema does not know, with what is wrong */
export function readAuditLines(text: string): readonly Line[] {
  const lines = text.split('\n');
  if (lines.pop() !== '') throw new Error('the last line is not a whole one');
  return lines.map((line) => AUDIT_LINE.parse(JSON.parse(line)));
}

/** The same of a file; none where there is no file yet. */
export async function readAuditFile(path: string): Promise<readonly Line[]> {
  return readAuditLines(await readFile(path, 'utf8').catch(() => ''));
}

/** The same of a file that is being written: without a line that is not whole yet. */
export async function readAuditFileSoFar(path: string): Promise<readonly Line[]> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return readAuditLines(text.slice(0, text.lastIndexOf('\n') + 1));
}

/** What agents said in these lines, in their order. @throws Error for a record that the schema does not know */
export function jobRecordsOf(lines: readonly Line[]): readonly Line[] {
  return lines
    .filter(({ event }) => event === 'job')
    .map(({ text }) => JOB_RECORD.parse(JSON.parse(String(text))));
}

export interface ScriptVerdict {
  readonly code: number;
  readonly texts: readonly string[];
  readonly errors: string;
}

/** Runs the script of the page, as it stands there, in `folder`. */
export async function verifyByScript(
  folder: string,
  fingerprint: string,
  files: readonly string[],
): Promise<ScriptVerdict> {
  const [, script] = /<!-- verify\.sh -->\n```sh\n([^]*?)```/.exec(readFileSync(AUDIT_PAGE, 'utf8')) ?? [];
  if (script === undefined) throw new Error('docs/audit.md has no script');
  const path = join(folder, 'verify.sh');
  await writeFile(path, script);
  const { promise, resolve } = Promise.withResolvers<ScriptVerdict>();
  execFile('sh', [path, fingerprint, ...files], (error, stdout, errors) => {
    const code = error === null ? 0 : Number(error.code);
    resolve({ code, texts: stdout.split('\n').filter((text) => text !== ''), errors });
  });
  return promise;
}
