// The trouble section: the words that people see when something fails, with the way out of each.
import { downloadPath } from '#shared/protocol/paths.ts';
import type { Offer } from '../download/binary.ts';
import type { OwnAddress } from './own-address.ts';
import type { Section } from './sections.ts';

type Content = Pick<Section, 'lead' | 'terms' | 'notes'>;

/** The words are as the programs print them, so that the search of a browser finds them. */
export function troubleSection(relay: OwnAddress, { defaultPlatform }: Offer): Content {
  const script = `${relay.http}${downloadPath('agent.sh')}`;
  return {
    lead: 'Look for the words that you see. The programs of Converge say on stderr what to do next; the exit status says what kind of trouble it was.',
    terms: [
      [
        '`curl: not found`, `curl: command not found`',
        `The image has no \`curl\`. \`wget -qO- ${script} | sh\` does the same, and so does \`python3 -c 'import urllib.request as r; print(r.urlopen("${script}").read().decode())' | sh\`.`,
      ],
      [
        '`wget: not found`, `sh: not found`',
        `The image has nothing to download with. Put the agent in when the image is built, \`ADD --chmod=755 ${relay.http}${downloadPath(`agent-${defaultPlatform}`)} /usr/local/bin/agent\`, or have the machine outside of the container get it, and mount the folder. It needs no shell and no library of the image.`,
      ],
      [
        '`./agent: Permission denied`, `./wsproxy: Permission denied`',
        'It was not made a program, `chmod +x agent`, or the folder is mounted `noexec`: try `/tmp`, `/dev/shm` or your home.',
      ],
      [
        '`wsproxy: command not found`, `wsproxy is not recognized`',
        'A shell looks into the folders of `PATH` alone: `./wsproxy` is the one of this folder, `.\\wsproxy.exe` on Windows.',
      ],
      [
        '`Exec format error`, `Bad CPU type in executable`',
        'It was built for another processor. The one line picks the platform; the names are below Downloads.',
      ],
      [
        '`Permission denied (publickey)`',
        'The job lets in certain keys only, and yours is not among them. Is it in your account (`https://github.com/NAME.keys` shows that), and does `ssh-add -l` or `-i FILE` offer it? The job log says which key was refused.',
      ],
      [
        '`Permission denied, please try again.`, `Permission denied (password`',
        'The password is that of another job, or has a typing error: it is in the log of this one. The user is `abc`, unless the agent was given `--user`.',
      ],
      [
        '`REMOTE HOST IDENTIFICATION HAS CHANGED`, `Host key verification failed.`',
        'Every job has a new host key, and `ssh` remembers the one of a job before under the same name, `localhost` say. Take the line of the job log: it checks the key by its fingerprint. Or let `ssh` remember none: `-o UserKnownHostsFile=/dev/null`, which then asks about each. The old one goes by `ssh-keygen -R localhost`, with a port by `ssh-keygen -R "[localhost]:10000"`.',
      ],
      [
        '`host key mismatch`, `the connection was cut`',
        'Another job runs under the same ID now, or somebody is in between. Take the line from the log of the job that you mean.',
      ],
      [
        '`no agent`, `it may have ended, or not started yet`',
        'The job has not come to its agent, or is over; or the ID is another one: compare it with the log. `--wait 5m` waits for it.',
      ],
      [
        '`kex_exchange_identification: Connection closed`, `Connection closed by UNKNOWN port 65535`',
        '`ssh` says that its way is gone; why is in the line before it, which begins with `wsproxy:`.',
      ],
      [
        '`Timeout, server … not responding.`, `Broken pipe`',
        '`ssh` gave up before the connection was back. The lines of the job log have `-o ServerAliveInterval=30 -o ServerAliveCountMax=5`, which outlasts two minutes without a network; `ServerAliveInterval=10` alone gives up after 30 s.',
      ],
      [
        '`there is no ssh on this machine`, `ssh: command not found`',
        'Install the OpenSSH client, or open the link of the job log in a browser: it needs nothing else.',
      ],
      [
        '`(id_taken)`',
        'Another agent has this ID: a job before that still runs, or one beside it. Give none, and the agent makes one.',
      ],
      [
        '`(identity_required)`, `(not_admitted)`, `(id_not_allowed)`',
        'The relay has rules, and the message names them; what a job needs is in the block of its CI system.',
      ],
      [
        '`connection refused`, `no host has this name`, `no route to this host`',
        'There is no way to the relay from there. Behind a proxy: `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` are honoured at both ends, and `HOST:PORT` is enough.',
      ],
      [
        '`SSL certificate problem`, `not by an authority that this machine knows`',
        'A private authority: `NODE_EXTRA_CA_CERTS=/path/to/ca.pem` for the programs, `curl --cacert` for the download. An image without any: install `ca-certificates`.',
      ],
      [
        '`No space left on device`',
        'The programs unpack 130 MB once, into your cache, `TMPDIR`, `/tmp`, `/var/tmp`, `/dev/shm` or `/run`, and into memory where none of these will do.',
      ],
      [
        '`cannot be opened because`, `Windows protected your PC`',
        'A browser saved it, and the system has not met it before: `xattr -d com.apple.quarantine wsproxy`, or `Unblock-File wsproxy.exe`. What `curl`, `sh` or PowerShell brings starts at once.',
      ],
      [
        '`agent` ended with',
        '0 as designed · 2 wrong options · 3 relay not reachable · 4 refused, such as an ID in use · 5 too old for this relay',
      ],
      [
        '`wsproxy` ended with',
        '0 session over · 2 wrong options · 3 relay not reachable · 4 no such job, or refused · 6 host key is not the pinned one',
      ],
    ],
    notes: [],
  };
}
