// A fake job, for looking at the page.
import { Untrusted } from '#shared/text/untrusted.ts';
import type { FolderEntry, JobFiles } from '../job/job-files.ts';
import type { OpenJob } from '../job/job-options.ts';
import type { Job } from '../job/job.ts';

const entry = (name: string, kind: FolderEntry['kind'], size: number): FolderEntry => ({ name: new Untrusted(name), kind, size, modifiedMs: Date.now() - size * 1000, permissions: 0o644, isReachable: true });
const files: JobFiles = {
  realPath: async () => '/builds/acme/shop',
  list: async () => ({ isWhole: true, entries: [entry('src', 'folder', 4096), entry('node_modules', 'folder', 4096), entry('package.json', 'file', 1834), entry('test-results.xml', 'file', 48_231_004), entry('<img src=x onerror=alert(1)>.txt', 'file', 12), entry('evil\u202egnp.exe', 'file', 12)] }),
  stat: async () => ({ kind: 'file', size: 20, modifiedMs: 1, permissions: 0o644 }),
  read: async () => new Blob(['{\n  "name": "shop"\n}\n']).stream(),
  write: async () => new WritableStream({ write: () => new Promise((r) => setTimeout(r, 300)) }),
  makeFolder: async () => {}, rename: async () => {}, removeFile: async () => {}, removeFolder: async () => {}, close() {},
};
const job: Job = {
  hostKey: 'SHA256:x',
  async openTerminal() {
    const out = new TransformStream<Uint8Array, Uint8Array>();
    const writer = out.writable.getWriter();
    const enc = new TextEncoder();
    void writer.write(enc.encode('converge: you are inside a running job of GitHub Actions: build\r\n  ends     when the last client leaves\r\n\x1b]0;runner@fv-az: ~/work\x07\x1b[1;32mrunner\x1b[0m:\x1b[38;2;120;170;250m~/work\x1b[0m$ '));
    return { readable: out.readable, writable: new WritableStream({ write: (b: Uint8Array) => { void writer.write(b); } }), resize() {}, ended: new Promise(() => {}), close() {} };
  },
  async run(command) { return { end: { kind: 'exited', exitCode: 0 }, stdout: new TextEncoder().encode(command.includes('json') ? '{"endsInMs":598000,"neverAfterMs":10000000,"held":false}' : 'held until 14:00'), stderr: new Uint8Array() }; },
  openFiles: async () => files,
  openPort: async () => { throw new Error('no'); },
  close() {},
};
export const openJob: OpenJob = async ({ signIn, events }) => {
  events({ kind: 'connecting' });
  const p = await signIn.password?.(1);
  if (p === 'wrong') return { kind: 'wrong_host_key', presented: 'SHA256:xx', sentence: 'no' };
  if (p === 'key') return { kind: 'not_let_in', ways: ['publickey'], sentence: 'This job lets in by keys alone.' };
  events({ kind: 'open' });
  return { kind: 'open', job };
};
