// What Converge prints for people to paste, pasted: the usage page and the card of the job log, line by line.
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { DIST, PLATFORM } from '../../deploy/build/source-tree.ts';
import { addressFromPublicUrl } from '../../services/relay/http/usage/own-address.ts';
import { windowsLaptopCommands } from '../../services/relay/http/usage/windows-commands.ts';
import { type Card, launchAgent, readCard } from '../support/laptop/job.ts';
import { type Laptop, openLaptop } from '../support/laptop/laptop.ts';
import { SYSTEM_PATH, useWorld } from '../support/laptop/world.ts';
import { holdFolder } from '../support/machine/held-folder.ts';
import { freePort } from '../support/network/ports.ts';
import type { E2eProcess } from '../support/process/started-process.ts';
import type { Terminal } from '../support/ssh/ssh-terminal.ts';

/** As printed; the machine of the tests may have it in use. */
const PRINTED_PORT = /\b2222\b/;

const world = useWorld(['curl', 'rsync', 'plink']);

/** Pastes a line into bash, in a terminal. */
function pasteIntoBash(laptop: Laptop, line: string): Terminal {
  return laptop.openTerminal(['bash', '--norc', '-c', line]);
}

/** Types the password when asked, works, and leaves. */
async function workInShell(shell: Terminal, password: string): Promise<void> {
  await shell.see(/password: $/);
  shell.type(`${password}\r`);
  await shell.see(/converge: you are inside a running job/);
  await shell.see(/[$#] $/);
  shell.type('echo "2 and 3 are $((2 + 3))"; exit\r');
  await shell.see(/2 and 3 are 5\r\n/);
  expect(await shell.exited).toEqual({ kind: 'code', code: 0 });
}

describe('the card of the job log', () => {
  let laptop: Laptop;
  let card: Card & { password: string };

  beforeAll(async () => {
    laptop = await openLaptop(world);
    const agent = await launchAgent(world, { held: true });
    const { password = '', ...rest } = await readCard(agent.process);
    card = { ...rest, password };
    await writeFile(join(agent.job, 'FILE'), 'from the job');
    await laptop.remember(password);
    expect(await laptop.paste(card.getWsproxy)).toEqual({ code: 0, stdout: 'wsproxy: OK\n', stderr: '' });
  });

  test('its lines for the clients take those that were built with the agent, and no others', async () => {
    const sums = await readFile(join(DIST, 'bin/SHA256SUMS'), 'utf8');
    for (const [program, line] of [
      ['wsproxy', card.getWsproxy],
      ['tcptows', card.getTcptows],
    ] as const) {
      const [, listed] = new RegExp(`^([0-9a-f]{64}) {2}${program}-${PLATFORM}$`, 'm').exec(sums) ?? [];
      expect(line).toContain(
        `/docs/${program}-${PLATFORM} && echo "${listed}  ${program}" | sha256sum -c && `,
      );
    }
  });

  test('its ssh line works the first time, and asks for the password alone', async () => {
    const shell = pasteIntoBash(laptop, card.shell);
    const [question] = await shell.see(/^.*assword: $/s);
    expect(question).toMatch(/^\s*abc@\S+'s password: $/);
    shell.type(`${card.password}\r`);
    await shell.see(/converge: you are inside a running job/);
    await shell.see(/[$#] $/);
    shell.type('exit 4\r');
    expect(await shell.exited).toEqual({ kind: 'code', code: 4 });
  });

  test('its ssh line works in a plain sh too', async () => {
    const { code, stdout, stderr } = await laptop.paste(`${card.shell} 'echo in'`);
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: 'in\n', stderr: '' });
  });

  test('its sftp line lists the job, and its scp line brings a file', async () => {
    const listed = await laptop.paste(card.sftp, { input: 'ls -1\n' });
    expect(listed).toMatchObject({ code: 0, stdout: 'sftp> ls -1\nFILE\n' });
    const copied = await laptop.paste(`${card.scp} && cat FILE`);
    expect(copied).toEqual({ code: 0, stdout: 'from the job', stderr: '' });
  });

  test('what --print shows works as it stands, and rsync as its help has it', async () => {
    const { stdout: printed } = await laptop.paste(card.shell.replace(' ssh ', ' ssh --print '));
    expect(await laptop.paste(`${printed.trimEnd()} 'exit 3'`)).toMatchObject({ code: 3, stderr: '' });
    const rsync = `${card.shell.replace(' ssh ', ' rsync ')} -a`;
    const there = await laptop.paste(`echo here >'a b' && ${rsync} 'a b' :new/ && ${rsync} :new/ back/`);
    expect(there).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(await readFile(join(laptop.folder, 'back/a b'), 'utf8')).toBe('here\n');
  });

  test('its tcptows lines work', async () => {
    const port = String(await freePort());
    expect(await laptop.paste(card.getTcptows)).toEqual({ code: 0, stdout: 'tcptows: OK\n', stderr: '' });
    const tunnel = laptop.start(['sh', '-c', `exec ${card.tcptows.replace(PRINTED_PORT, port)}`]);
    await tunnel.see(new RegExp(port));
    await workInShell(
      pasteIntoBash(laptop, card.sshThroughTcptows.replace(PRINTED_PORT, port)),
      card.password,
    );
    tunnel.kill('SIGTERM');
    expect((await tunnel.exited).code).toBe(0);
  });
});

describe('the usage page', () => {
  /** For a job with an ID that somebody chose; and as it is at first. */
  let page: string;
  let unnamed: string;
  let laptop: Laptop;
  let job: string;
  let card: Card;

  /** The lines below `# TITLE`, without their margin; of those that have it, the ones for Linux. */
  function snippet(title: string, text = page): string {
    const lines = text.split('\n');
    const isOurs = (line: string): boolean =>
      line === `  # ${title}` || (line.startsWith(`  # ${title} (`) && /\(.*Linux.*\)$/.test(line));
    const start = lines.findIndex(isOurs) + 1;
    expect(start, `"${title}" is on the page`).toBeGreaterThan(0);
    const end = lines.indexOf('', start);
    return lines
      .slice(start, end)
      .map((line) => line.slice(2))
      .join('\n');
  }

  function startIn(cwd: string, script: string, env: Readonly<Record<string, string>> = {}): E2eProcess {
    return world.start('sh of the job', ['sh', '-c', script], {
      cwd,
      env: { PATH: SYSTEM_PATH, HOME: cwd, SHELL: '/bin/bash', ...env },
    });
  }

  beforeAll(async () => {
    laptop = await openLaptop(world);
    job = await world.makeFolder('job');
    page = (await laptop.paste(`curl -fsS '${world.relay.url}/?id=my-job'`)).stdout;
    unnamed = (await laptop.paste(`curl -fsS ${world.relay.url}/`)).stdout;
    await holdFolder(job);
    await writeFile(join(job, 'build.log'), 'a red build');
    card = await readCard(startIn(job, snippet(`Get the agent and start it, on ${PLATFORM}`)));
    await laptop.remember(card.password ?? '');
    const got = await laptop.paste(snippet('Once: get wsproxy'));
    expect(got).toMatchObject({ code: 0, stderr: '' });
    expect(got.stdout).toContain(`./wsproxy ssh '${world.relay.wsUrl}/client/ID'`);
  });

  test('its checksum line finds the download to be what the relay built', async () => {
    const check = startIn(job, snippet('Is the agent what this relay built?'));
    expect((await check.exited).code).toBe(0);
    expect(check.stdout).toBe('agent: OK\n');
  });

  test('its ssh line asks about the host key, whose fingerprint is that of the job log', async () => {
    const shell = pasteIntoBash(laptop, snippet('A shell'));
    const [, presented] = await shell.see(/key fingerprint is (SHA256:\S+)\.\r\n/);
    expect(presented).toBe(card.fingerprint);
    await shell.see(/\(yes\/no\/\[fingerprint\]\)\? $/);
    shell.type(`${card.fingerprint}\r`);
    await workInShell(shell, card.password ?? '');
  });

  test('its lines for who has Node work, and leave no other program behind', async () => {
    const other = await openLaptop(world);
    await other.remember(card.password ?? '');
    const path = `${join(process.execPath, '..')}:${other.folder}/bin:${SYSTEM_PATH}`;
    const lines = `${snippet('With Node 20 or newer, in place of wsproxy')} 'echo in'`;
    expect(await other.paste(lines, { env: { PATH: path } })).toMatchObject({ code: 0, stdout: 'in\n' });
    expect(await readdir(other.folder)).not.toContain('wsproxy');
  });

  test('its line for PuTTY works with the fingerprint of the job log, as far as Linux can tell', async () => {
    const relay = addressFromPublicUrl(world.relay.url);
    const lines = windowsLaptopCommands(relay, '').find(({ name }) => name === 'plink');
    const text = (lines?.text ?? []).map((part) => {
      if (typeof part === 'string') return part;
      return 'before' in part ? part.before + card.fingerprint : 'my-job';
    });
    await symlink(join(laptop.folder, 'wsproxy'), join(laptop.folder, 'bin/wsproxy.exe'));
    const line = text.join('').replace('plink', `plink -batch -pw '${card.password}'`);
    expect(await laptop.paste(`${line} 'echo in'`)).toMatchObject({ code: 0, stdout: 'in\n' });
    const other = `SHA256:${'A'.repeat(43)}`;
    const refused = await laptop.paste(`${line.replaceAll(card.fingerprint, other)} 'echo in'`);
    expect(refused).toMatchObject({ code: 1, stdout: '' });
  });

  test('its sftp and scp lines work', async () => {
    const listed = await laptop.paste(snippet('Browse files'), { input: 'ls -1\n' });
    expect(listed).toMatchObject({ code: 0, stdout: 'sftp> ls -1\nagent\nbuild.log\n' });
    const copied = await laptop.paste(`${snippet('Copy a file')} && cat build.log`);
    expect(copied).toMatchObject({ code: 0, stdout: 'a red build' });
  });

  test('its lines for ~/.ssh/config make the job a host', async () => {
    const config = join(laptop.folder, 'config');
    await writeFile(config, `${snippet('Or add to ~/.ssh/config')}\n`);
    const env = { SSH_CONFIG: config, PATH: `${laptop.folder}:${laptop.folder}/bin:${SYSTEM_PATH}` };
    const [ssh = '', sftp = '', scp = ''] = snippet('Then').split('\n');
    expect(await laptop.paste(ssh, { env, input: 'echo in\n' })).toMatchObject({ code: 0, stdout: 'in\n' });
    expect(await laptop.paste(sftp, { env, input: 'ls -1\n' })).toMatchObject({
      stdout: 'sftp> ls -1\nagent\nbuild.log\n',
    });
    await mkdir(join(laptop.folder, 'here'));
    const copied = await laptop.paste(`cd here && ${scp} && cat build.log`, { env });
    expect(copied).toMatchObject({ code: 0, stdout: 'a red build' });
  });

  test('its line that lets wsproxy write them does the same', async () => {
    expect(await laptop.paste(snippet('Let wsproxy add it'))).toMatchObject({ code: 0, stderr: '' });
    const env = { SSH_CONFIG: join(laptop.folder, '.ssh/config') };
    const [ssh = ''] = snippet('Then').split('\n');
    expect(await laptop.paste(ssh, { env, input: 'echo in\n' })).toMatchObject({ code: 0, stdout: 'in\n' });
  });

  test.each([
    ['as it is first on the page', 'Any shell: In any job with a shell, on Linux'],
    ['for who has no curl', 'In one line, where there is no curl'],
  ])('its line for the job %s starts an agent that leaves nothing behind', async (_name, title) => {
    const temporary = await world.makeFolder('tmp');
    const line = snippet(title, unnamed);
    expect(line).not.toContain('/agent/');
    const started = startIn(await world.makeFolder('job'), line, { TMPDIR: temporary });
    const { shell, password = '' } = await readCard(started);
    expect(shell).toMatch(/\/client\/[A-Za-z0-9_-]{16,}#SHA256:/);
    const other = await openLaptop(world);
    await other.remember(password);
    await other.paste(snippet('Once: get wsproxy'));
    expect(await other.paste(`${shell} converge status`)).toMatchObject({ code: 0, stderr: '' });
    expect((await started.exited).code).toBe(0);
    expect(await readdir(temporary)).toEqual([]);
  });

  test('its tcptows lines work', async () => {
    const port = String(await freePort());
    const tunnel = laptop.start([
      'sh',
      '-c',
      `exec ${snippet('In one terminal').replace(PRINTED_PORT, port)}`,
    ]);
    await tunnel.see(new RegExp(`127\\.0\\.0\\.1:${port}`));
    const line = snippet('In another, or in your tool').replace(PRINTED_PORT, port);
    const { code, stdout } = await laptop.paste(line, { input: 'echo in\n' });
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'in\n' });
  });

  test('its line with ssh itself works on the second job as on the first, though both are localhost', async () => {
    const second = await launchAgent(world, { id: 'my-second-job', held: true });
    const { password = '' } = await readCard(second.process);
    const line = snippet('The same with ssh itself, for a script or a tool that starts it');
    expect(line).toContain('abc@localhost');
    for (const [text, secret] of [
      [line, card.password ?? ''],
      [line.replace('my-job', 'my-second-job'), password],
      [line.replace('my-job"', `my-job#${card.fingerprint}"`), card.password ?? ''],
    ] as const) {
      await laptop.remember(secret);
      const { code, stdout, stderr } = await laptop.paste(`${text} 'echo in'`);
      expect({ code, stdout }).toEqual({ code: 0, stdout: 'in\n' });
      expect(stderr).not.toContain('IDENTIFICATION HAS CHANGED');
    }
    await laptop.remember(card.password ?? '');
  });

  test('its first line for the laptop leads into the job, as the job log has it', async () => {
    const other = await openLaptop(world);
    await other.remember(card.password ?? '');
    const line = snippet('Linux: As the job log has it, which knows the ID');
    expect(await other.paste(`${line} 'echo in'`)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/in\n$/),
    });
  });

  test.each([
    ['Buildkite', { BUILDKITE_JOB_ID: '0190-c0ffee', BUILDKITE_COMMAND_EXIT_STATUS: '1' }],
    ['Jenkins', { BUILD_TAG: 'jenkins-my app/main-7' }],
  ])('its block for %s opens the job that failed, under an ID that the agent makes', async (title, env) => {
    const lines = snippet(title, unnamed);
    const [, quoted = lines] = /'''\n(.*?)\n *'''/s.exec(lines) ?? [];
    const block = startIn(await world.makeFolder('job'), quoted, env);
    expect((await readCard(block)).ssh).toMatch(/\/client\/[A-Za-z0-9_-]{16,}#SHA256:/);
  });

  test('its block for Buildkite does nothing when the job is green', async () => {
    const env = { BUILDKITE_JOB_ID: '0190-c0ffee', BUILDKITE_COMMAND_EXIT_STATUS: '0' };
    const block = startIn(job, snippet('Buildkite'), env);
    expect((await block.exited).code).toBe(0);
    expect(block.stdout).toBe('');
  });
});
