// The references that the relay is held against, each in a process of its own.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findCommand } from '../../deploy/build/debian-packages.ts';
import { freePort } from '../support/network/ports.ts';
import { startProcess } from '../support/process/started-process.ts';
import { until } from '../support/time/poll.ts';

export interface Reference extends AsyncDisposable {
  readonly port: number;
  readonly pid: number;
}

/** A TCP splice to `target`, a port of this machine. */
export function startSplice(target: number): Promise<Reference> {
  return startProgram('splice-program.ts', [String(target)]);
}

/** ws: `joined` connections are a relay, `alone` they are only accepted. */
export function startMessages(connections: 'joined' | 'alone'): Promise<Reference> {
  return startProgram('messages-program.ts', [connections]);
}

/** nginx as a proxy of WebSockets to `target`, a port of this machine. */
export async function startNginx(target: number): Promise<Reference> {
  const folder = await mkdtemp(join(tmpdir(), 'converge-bench-nginx-'));
  const port = await freePort();
  const file = join(folder, 'nginx.conf');
  await writeFile(file, nginxConfiguration(folder, port, target));
  const nginx = startProcess('nginx', [findCommand('nginx') ?? 'nginx', '-c', file, '-e', 'stderr'], {
    cwd: folder,
    env: {},
  });
  const answers = async (): Promise<boolean> => {
    if (!nginx.isRunning) throw new Error(nginx.transcript);
    return fetch(`http://127.0.0.1:${port}/up`).then(
      (answer) => answer.ok,
      () => false,
    );
  };
  await until('nginx listens', answers);
  return {
    port,
    pid: nginx.child.pid ?? 0,
    [Symbol.asyncDispose]: async () => {
      nginx.kill('SIGKILL');
      await nginx.exited;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** One process without a master, so that its CPU seconds are all there are. */
function nginxConfiguration(folder: string, port: number, target: number): string {
  return `daemon off; master_process off; pid ${folder}/pid; error_log stderr;
events { worker_connections 1024; }
http {
  access_log off;
  client_body_temp_path ${folder}/a; proxy_temp_path ${folder}/b; fastcgi_temp_path ${folder}/c;
  uwsgi_temp_path ${folder}/d; scgi_temp_path ${folder}/e;
  server {
    listen 127.0.0.1:${port};
    location = /up { return 200; }
    location / {
      proxy_pass http://127.0.0.1:${target};
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection upgrade;
      proxy_read_timeout 1h;
    }
  }
}
`;
}

async function startProgram(file: string, args: readonly string[]): Promise<Reference> {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const program = startProcess(file, [process.execPath, path, ...args], { cwd: tmpdir(), env: {} });
  const [, port = '0'] = await program.see(/^port (\d+)$/m);
  return {
    port: Number(port),
    pid: program.child.pid ?? 0,
    [Symbol.asyncDispose]: async () => {
      program.kill('SIGKILL');
      await program.exited;
    },
  };
}
