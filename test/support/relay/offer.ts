// What a relay offers for download, without files: for tests of what it says of them.
import { type Binary, type Offer, SCRIPT_FILE } from '../../../services/relay/http/download/binary.ts';
import { KNOWN_PLATFORMS } from '../../../services/relay/http/download/platform.ts';

const DIGEST = '0123456789abcdef'.repeat(4);

/** With files of these names: `agent-linux-x64`, `wsproxy-windows-x64.exe`, `wsproxy.mjs`. */
export function offerOf(fileNames: readonly string[], defaultPlatform = 'linux-x64'): Offer {
  const binaries = fileNames.map((fileName): Binary => {
    const file = { fileName, path: `/${fileName}`, sha256: DIGEST };
    if (fileName === SCRIPT_FILE) return { ...file, program: SCRIPT_FILE, platform: undefined };
    const [program = '', ...platform] = fileName.replace(/\.exe$/, '').split('-');
    return { ...file, program, platform: platform.join('-') };
  });
  return { binaries, defaultPlatform };
}

/** All that a relay can have. */
export const WHOLE_OFFER = offerOf([
  ...KNOWN_PLATFORMS.flatMap((platform) =>
    ['agent', 'wsproxy', 'tcptows'].map(
      (program) => `${program}-${platform}${platform.startsWith('windows') ? '.exe' : ''}`,
    ),
  ),
  SCRIPT_FILE,
]);
