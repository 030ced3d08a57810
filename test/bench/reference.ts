// The references that the relay is held against, each in a process of its own.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findCommand } from '../../deploy/build/debian-packages.ts';
import { freePort } from '../support/network/ports.ts';
import { startProcess } from '../support/process/started-process.ts';
import { until } from '../support/time/poll.ts';
import { nativeProgram } from './native-program.ts';

export interface Reference extends AsyncDisposable {
  readonly port: number;
  readonly pid: number;
}

/** Node's own pipe() between two TCP connections, to `target`, a port of this machine. */
export function startPipe(target: number): Promise<Reference> {
  return startProgram('pipe-program.ts', [String(target)]);
}

/** The kernel's splice(2), likewise. */
export async function startKernelSplice(target: number): Promise<Reference> {
  return startPrinter('kernel-splice', [await nativeProgram('kernel-splice'), String(target)]);
}

/** ws: `joined` connections are a relay, `alone` they are only accepted. */
export function startMessages(connections: 'joined' | 'alone'): Promise<Reference> {
  return startProgram('messages-program.ts', [connections]);
}

/** nginx as a proxy of WebSockets to `target`, a port of this machine. */
export async function startNginx(target: number): Promise<Reference> {
  const port = await freePort();
  return startServer('nginx', port, (folder) => [
    `${folder}/nginx.conf`,
    nginxConfiguration(folder, port, target),
    [findCommand('nginx') ?? 'nginx', '-c', `${folder}/nginx.conf`, '-e', 'stderr'],
  ]);
}

/** One process without a master, so that its CPU seconds are all there are. */
function nginxConfiguration(folder: string, port: number, target: number): string {
  return `daemon off; master_process off; pid ${folder}/pid; error_log stderr;
events { worker_connections 4096; }
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

/** haproxy as a proxy of WebSockets to `target`, a port of this machine, with one thread. */
export async function startHaproxy(target: number): Promise<Reference> {
  const port = await freePort();
  return startServer('haproxy', port, (folder) => [
    `${folder}/haproxy.conf`,
    haproxyConfiguration(port, target),
    [findCommand('haproxy') ?? 'haproxy', '-db', '-f', `${folder}/haproxy.conf`],
  ]);
}

function haproxyConfiguration(port: number, target: number): string {
  return `global
  nbthread 1
  maxconn 4000
defaults
  mode http
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  timeout tunnel 1h
frontend near
  bind 127.0.0.1:${port}
  http-request return status 200 if { path /up }
  default_backend far
backend far
  server only 127.0.0.1:${target}
`;
}

async function startServer(
  name: string,
  port: number,
  make: (folder: string) => [file: string, text: string, command: [string, ...string[]]],
): Promise<Reference> {
  const folder = await mkdtemp(join(tmpdir(), `converge-bench-${name}-`));
  const [file, text, command] = make(folder);
  await writeFile(file, text);
  const server = startProcess(name, command, { cwd: folder, env: {} });
  const answers = async (): Promise<boolean> => {
    if (!server.isRunning) throw new Error(server.transcript);
    return fetch(`http://127.0.0.1:${port}/up`).then(
      (answer) => answer.ok,
      () => false,
    );
  };
  await until(`${name} listens`, answers);
  return {
    port,
    pid: server.child.pid ?? 0,
    [Symbol.asyncDispose]: async () => {
      server.kill('SIGKILL');
      await server.exited;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function startProgram(file: string, args: readonly string[]): Promise<Reference> {
  const path = fileURLToPath(new URL(file, import.meta.url));
  return startPrinter(file, [process.execPath, path, ...args]);
}

/** A program that prints its port. */
async function startPrinter(name: string, command: readonly [string, ...string[]]): Promise<Reference> {
  const program = startProcess(name, command, { cwd: tmpdir(), env: {} });
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
