// Debian's haproxy as a TCP balancer in front of a relay, with the PROXY protocol in each of its forms.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findCommand } from '../../../deploy/build/debian-packages.ts';
import { ensureCommands } from '../machine/test-commands.ts';
import { cleanEnvironment } from '../process/client-program.ts';
import { startProcess } from '../process/started-process.ts';
import { until } from '../time/poll.ts';
import { freePort } from './ports.ts';

/** What it connects from, so that it is told from whoever is behind it. */
export const BALANCER_ADDRESS = '127.0.0.2';

/** `v2-full` adds what balancers put behind the addresses: a checksum and an identifier. */
export const PROXY_FORMS = {
  none: '',
  v1: 'send-proxy',
  v2: 'send-proxy-v2',
  'v2-full': 'send-proxy-v2 proxy-v2-options crc32c,unique-id',
} as const;

export type ProxyForm = keyof typeof PROXY_FORMS;

/** The relay's page wants to be asked by some name. */
const CHECK = 'meth GET uri / ver HTTP/1.1 hdr Host relay';

export interface Haproxy extends AsyncDisposable {
  /** Listens on 127.0.0.1 and ::1. */
  readonly ports: Readonly<Record<ProxyForm, number>>;
}

/** Starts it in front of `relayPort`. With `checks` it asks for the page again and again, on its own behalf. */
export async function startHaproxy(relayPort: number, checks = false): Promise<Haproxy> {
  await ensureCommands(['haproxy']);
  const folder = await mkdtemp(join(tmpdir(), 'converge-haproxy-'));
  const ports = { none: 0, v1: 0, v2: 0, 'v2-full': 0 };
  const sections: string[] = [];
  for (const form of Object.keys(PROXY_FORMS) as ProxyForm[]) {
    const port = (ports[form] = await freePort());
    const check = checks && form !== 'none' ? 'check inter 50ms check-send-proxy' : '';
    sections.push(`listen ${form}`, `bind 127.0.0.1:${port}`, `bind [::1]:${port}`);
    if (check !== '') sections.push('option httpchk', `http-check send ${CHECK}`);
    if (form === 'v2-full') sections.push('unique-id-format %ci-%cp-%ts-%rt');
    sections.push(
      `server relay 127.0.0.1:${relayPort} source ${BALANCER_ADDRESS} ${PROXY_FORMS[form]} ${check}`,
    );
  }
  const times = ['timeout connect 5s', 'timeout client 60s', 'timeout server 60s'];
  const file = join(folder, 'haproxy.cfg');
  await writeFile(file, ['defaults', 'mode tcp', ...times, ...sections, ''].join('\n'));
  const running = startProcess('haproxy', [findCommand('haproxy') ?? 'haproxy', '-db', '-f', file], {
    cwd: folder,
    env: cleanEnvironment(),
  });
  await until('haproxy listens', async () => {
    if (!running.isRunning) throw new Error(running.transcript);
    return isOpen(ports['v2-full']);
  });
  return {
    ports,
    async [Symbol.asyncDispose]() {
      running.kill('SIGKILL');
      await running.exited;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function isOpen(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(port, '127.0.0.1');
  socket.once('connect', () => {
    socket.destroy();
    resolve(true);
  });
  socket.once('error', () => {
    resolve(false);
  });
  return promise;
}
