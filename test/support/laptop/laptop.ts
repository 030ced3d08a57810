// A laptop: a folder with the client programs in it, and a person there who uses Debian's ssh, sftp and scp.
import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import type { E2eProcess, ProcessOptions } from '../process/started-process.ts';
import { type KeyType, makeKeyFile } from '../ssh/key-file.ts';
import type { Terminal } from '../ssh/ssh-terminal.ts';
import type { Card, E2eAgent } from './job.ts';
import { binary, SYSTEM_PATH, type World } from './world.ts';

/** How the person proves who they are. */
export type Secret =
  | { readonly kind: 'key'; readonly file: string }
  | { readonly kind: 'password'; readonly text: string };

export interface LaptopOutcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export type LaptopOptions = Partial<Pick<ProcessOptions, 'stdin' | 'stdout'>> & {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
};

/** Nobody's own configuration and keys take part; the printed lines stay as they are. */
const WRAPPED_PROGRAMS = ['ssh', 'sftp', 'scp'] as const;

/** The options of an `ssh` line, without the program and the destination. */
function optionsOf(line: string): string {
  return line.replace(/^ssh /, '').replace(/ \S+$/, '');
}

export class Laptop {
  /** Where commands are pasted. */
  readonly folder: string;
  readonly #world: World;
  readonly #env: Readonly<Record<string, string>>;

  constructor(world: World, folder: string) {
    this.#world = world;
    this.folder = folder;
    this.#env = {
      PATH: [join(folder, 'bin'), SYSTEM_PATH].join(delimiter),
      HOME: folder,
      TERM: 'xterm',
      LANG: 'C.UTF-8',
      // For those who read no terminal: `bin/answer` is asked instead.
      SSH_ASKPASS: join(folder, 'bin/answer'),
      SSH_ASKPASS_REQUIRE: 'force',
    };
  }

  /** What `answer` says to a question for a password; questions about host keys are answered with yes. */
  async remember(password: string): Promise<void> {
    const quoted = `'${password.replaceAll("'", `'\\''`)}'`;
    const script = `#!/bin/sh\ncase "$1" in *yes/no*) echo yes ;; *) echo ${quoted} ;; esac\n`;
    await writeFile(join(this.folder, 'bin/answer'), script, { mode: 0o700 });
  }

  /** Runs a line of shell to its end, as it is. */
  paste(line: string, options: LaptopOptions = {}): Promise<LaptopOutcome> {
    return this.run(['sh', '-c', line], options);
  }

  /** Runs a program to its end. */
  async run(command: readonly [string, ...string[]], options: LaptopOptions = {}): Promise<LaptopOutcome> {
    const started = this.start(command, options);
    if (options.stdin === undefined) started.child.stdin?.end(options.input ?? '');
    const { code } = await started.exited;
    return { code, stdout: started.stdout, stderr: started.stderr };
  }

  /** Starts a program in the folder. */
  start(command: readonly [string, ...string[]], options: LaptopOptions = {}): E2eProcess {
    const { input: _input, env, ...descriptors } = options;
    const name = command.slice(0, 3).join(' ').slice(0, 200);
    return this.#world.start(name, command, {
      ...descriptors,
      cwd: this.folder,
      env: { ...this.#env, ...env },
    });
  }

  /** The same in a terminal, where a person reads the questions and types. */
  openTerminal(command: readonly [string, ...string[]]): Terminal {
    const env = { ...this.#env, SSH_ASKPASS_REQUIRE: 'never' };
    return this.#world.openTerminal(command.slice(0, 3).join(' '), command, { cwd: this.folder, env });
  }
}

/** Of one agent: what a person pasted from its card, to be used again and again. */
export class Way {
  readonly laptop: Laptop;
  /** `abc@ID`. */
  readonly host: string;
  readonly #card: Card;
  readonly #secret: Secret;
  readonly #options: string;

  constructor(laptop: Laptop, card: Card, secret: Secret, options = optionsOf(card.ssh)) {
    this.laptop = laptop;
    this.host = card.ssh.slice(card.ssh.lastIndexOf(' ') + 1);
    this.#card = card;
    this.#secret = secret;
    const identity =
      secret.kind === 'key' ? `-i '${secret.file}' -o IdentitiesOnly=yes` : '-o PubkeyAuthentication=no';
    this.#options = `${options} ${identity}`;
  }

  /** The same, but to a port of this machine as the card has it for tcptows. */
  throughPort(port: number): Way {
    const options = optionsOf(this.#card.sshThroughTcptows).replace(/-p \d+$/, '');
    return new Way(this.laptop, this.#card, this.#secret, `-o HostName=127.0.0.1 -o Port=${port} ${options}`);
  }

  /** The words that start `program` with the options of the card, followed by `args`. */
  command(program: 'ssh' | 'sftp' | 'scp', ...args: string[]): [string, ...string[]] {
    return ['sh', '-c', `exec "$0" ${this.#options} "$@"`, program, ...args];
  }

  ssh(args: readonly string[], options: LaptopOptions = {}): Promise<LaptopOutcome> {
    return this.laptop.run(this.command('ssh', ...args), options);
  }

  scp(args: readonly string[]): Promise<LaptopOutcome> {
    return this.laptop.run(this.command('scp', ...args));
  }

  /** Runs commands of sftp in batch mode: the first that fails ends it with exit code 1. */
  sftp(commands: readonly string[], options: readonly string[] = []): Promise<LaptopOutcome> {
    const input = commands.map((line) => `${line}\n`).join('');
    const words = this.command('sftp', '-o', 'BatchMode=no', ...options, '-b', '-', this.host);
    return this.laptop.run(words, { input });
  }

  startSsh(args: readonly string[], options: LaptopOptions = {}): E2eProcess {
    return this.laptop.start(this.command('ssh', ...args), options);
  }

  /** `ssh` with a terminal, where a person types. */
  openTerminal(...args: string[]): Terminal {
    return this.laptop.openTerminal(this.command('ssh', '-t', ...args, this.host));
  }
}

/** An empty laptop: nothing was downloaded yet. */
export async function openLaptop(world: World): Promise<Laptop> {
  const laptop = new Laptop(world, await world.makeFolder('laptop'));
  const bin = join(laptop.folder, 'bin');
  await mkdir(bin);
  for (const program of WRAPPED_PROGRAMS) {
    const script = `#!/bin/sh\nexec /usr/bin/${program} -F "\${SSH_CONFIG:-none}" "$@"\n`;
    await writeFile(join(bin, program), script);
    await chmod(join(bin, program), 0o755);
  }
  await laptop.remember('');
  return laptop;
}

/** The way to an agent that was started with `args: way.args`, for a laptop that has wsproxy and tcptows already. */
export async function openWay(world: World, agent: E2eAgent, secret?: Secret): Promise<Way> {
  const laptop = await openLaptop(world);
  for (const name of ['wsproxy', 'tcptows'] as const) await symlink(binary(name), join(laptop.folder, name));
  const chosen = secret ?? { kind: 'password', text: agent.card.password ?? '' };
  if (chosen.kind === 'password') await laptop.remember(chosen.text);
  return new Way(laptop, agent.card, chosen);
}

/** A key pair: `file` and `file.pub`. */
export async function makeKey(
  world: World,
  type: KeyType = 'ed25519',
): Promise<{ readonly kind: 'key'; readonly file: string }> {
  const file = join(await world.makeFolder('key'), `id_${type}`);
  const size = type === 'rsa' ? ['-b', '2048'] : [];
  await makeKeyFile(file, type, [...size, '-C', `${type} key`]);
  return { kind: 'key', file };
}
