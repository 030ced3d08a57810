// The file descriptors that a program started from here finds open, without a terminal and with one.
import { startPipedProcess } from '../../../services/agent/process/piped-process.ts';
import { openAddonDevice } from '../../../services/agent/pty/addon-device.ts';
import { openPty } from '../../../services/agent/pty/pty.ts';

const env = new Map([['PATH', '/usr/bin:/bin']]);
// Without a command in a command, for which a shell opens a pipe.
const LIST = 'i=0; while [ $i -le 200 ]; do [ -e /proc/$$/fd/$i ] && echo $i; i=$((i + 1)); done';
const program = { file: '/bin/sh', argv: ['sh', '-c', LIST], cwd: '/' };

const piped = startPipedProcess({ ...program, env }, () => {});
piped.stdout.pipe(process.stdout);
piped.stdout.on('close', () => {
  openPty(
    openAddonDevice,
    { ...program, env: () => env, columns: 80, rows: 24 },
    {
      data: (chunk) => process.stdout.write(chunk.toString().replaceAll('\r', '')),
      drained() {},
    },
  );
});
