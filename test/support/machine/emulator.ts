// Emulators: programs of another processor run by qemu, in a user namespace of the test. Linux 6.7 gave each such namespace a list
// of its own of what runs which programs, so that the one of the machine stays as it is.
import type { LinuxPlatform } from '../../../deploy/build/linux-platform.ts';
import { ensureCommands } from './test-commands.ts';

interface Emulator {
  readonly command: 'qemu-aarch64-static' | 'qemu-x86_64-static';
  /** `e_machine` of an ELF file, as the kernel reads it from the registration. */
  readonly machine: string;
}

const EMULATORS: Readonly<Record<string, Emulator>> = {
  arm64: { command: 'qemu-aarch64-static', machine: String.raw`\xb7\x00` },
  amd64: { command: 'qemu-x86_64-static', machine: String.raw`\x3e\x00` },
};

const NO_LIST = 'this kernel has no binfmt_misc for user namespaces (Linux 6.7 and newer have it)';

/** Lines of a shell that let programs of `platform` run, from then on, in the user namespace that the shell is root of. */
export async function emulationLines({ name, debian }: LinuxPlatform): Promise<readonly string[]> {
  const emulator = EMULATORS[debian];
  if (emulator === undefined) throw new Error(`there is no emulator for ${name}`);
  await ensureCommands([emulator.command]);
  // The first bytes of a 64-bit little-endian ELF file, whatever its ABI; of type 2 or 3, which are programs.
  const ident = String.raw`\x7fELF\x02\x01\x01${String.raw`\x00`.repeat(9)}`;
  const mask = String.raw`${String.raw`\xff`.repeat(7)}\x00${String.raw`\xff`.repeat(8)}\xfe\xff\xff\xff`;
  const magic = String.raw`${ident}\x02\x00${emulator.machine}`;
  // F: the kernel opens it now, for roots that have no such file. P: programs get their first argument as it is.
  return [
    `mount -t binfmt_misc none /proc/sys/fs/binfmt_misc || { echo '${NO_LIST}' >&2; exit 125; }`,
    `program=$(command -v ${emulator.command})`,
    `printf '%s' ':converge:M::${magic}:${mask}:'"$program:FP" >/proc/sys/fs/binfmt_misc/register`,
  ];
}
