// An agent that keeps to the contract of its commands and opens nothing: it writes down how it was called, and waits as it is told.
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const LOOK_EVERY_MS = 10;

const [command = '', ...args] = process.argv.slice(2);
const folder = process.env['STUB_FOLDER'] ?? '';
const codeOf = (name: string): number | undefined => {
  const file = join(folder, name);
  return existsSync(file) ? Number(readFileSync(file, 'utf8')) : undefined;
};
const note = (words: object): void => {
  appendFileSync(join(folder, 'calls'), `${JSON.stringify(words)}\n`);
};
note({ command, args, env: process.env });

switch (command) {
  case 'start': {
    process.exitCode = codeOf('start') ?? 0;
    if (process.exitCode !== 0) break;
    console.log('=== converge: this job is open for SSH ===');
    const url = 'wss://relay.invalid/client/abc#SHA256:fingerprint';
    const values = [
      'id=abc',
      `url=${url}`,
      'link=https://relay.invalid/terminal/abc#SHA256:fingerprint',
      'ssh<<word',
      `./wsproxy ssh "${url}"`,
      'word',
      `sftp=./wsproxy sftp "${url}"`,
      'fingerprint=SHA256:fingerprint',
    ];
    appendFileSync(process.env['CONVERGE_OUTPUT'] ?? '', `${values.join('\n')}\n`);
    break;
  }
  case 'wait': {
    process.once('SIGINT', () => {
      note({ command: 'farewell' });
      process.exit(0);
    });
    console.log('waiting');
    while (codeOf('end') === undefined) await sleep(LOOK_EVERY_MS);
    process.exitCode = codeOf('end') ?? 0;
    break;
  }
  default:
}
