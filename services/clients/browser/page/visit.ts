// A visit: from the link to the job, and back from it, as often as the person wants.
import type { Job } from '../job/job.ts';
import type { JobEvent, JobOutcome } from '../job/job-options.ts';
import { openJob } from '../opening/open-job.ts';
import type { SignInRequest } from '../ssh/sign-in/sign-in-ways.ts';
import { element } from './dom/element.ts';
import { idleBefore } from './dom/idle.ts';
import { PreferenceStore } from './dom/preferences.ts';
import {
  addressFragment,
  type Destination,
  destinationFromAddress,
  destinationFromText,
  fragmentOf,
} from './entry/destination.ts';
import { EntryScreen } from './entry/entry-screen.ts';
import { keepFragment, restoreFragment } from './entry/kept-fragment.ts';
import { forgetPageKey, makePageKey, readPageKey } from './entry/page-key.ts';
import { signOnAddress } from './entry/sign-on.ts';
import { copyText } from './terminal/job-clipboard.ts';
import { screenOf } from './terminal/screen.ts';
import { TRUST_SENTENCE } from './trust.ts';
import { Workspace } from './workspace.ts';

/** A job that has just begun to wait may not be there yet; so long is waited for it, in milliseconds. */
const WAIT_FOR_JOB_MS = 10_000;

export class Visit {
  readonly #preferences = new PreferenceStore();
  readonly #entry = new EntryScreen([element('p', {}, TRUST_SENTENCE)]);
  #workspace: Workspace | undefined;
  #job: Job | undefined;
  #secret: string | undefined;

  /** From the address of the page on. */
  async start(): Promise<void> {
    document.body.append(this.#entry.root);
    this.#preferences.watch(({ theme }) => {
      document.documentElement.dataset['theme'] = theme;
    }, new AbortController().signal);
    // Other tabs of this job go on. A goodbye takes longer to seal than most browsers give a page that goes away: then the
    // page is lost, as by a closed lid, and a reload finds the job still there.
    addEventListener('pagehide', () => this.#job?.close());
    const lookAgain = (): void => {
      if (!document.hidden) this.#job?.probe();
    };
    addEventListener('online', lookAgain);
    document.addEventListener('visibilitychange', lookAgain);
    restoreFragment();
    // Another link in the same tab: nothing that is typed from here on goes to the job before.
    addEventListener('hashchange', () => location.reload());
    const destination = await this.#destination();
    this.#secret = destination.secret;
    await this.#open(destination);
  }

  async #destination(): Promise<Destination> {
    let found = destinationFromAddress(location.href);
    // Whatever was secret in the address is not in the history any more, also where it led nowhere.
    keepInAddress(addressFragment(location.href, found));
    while (found.kind !== 'destination') {
      const sentence = found.kind === 'invalid' ? found.sentence : undefined;
      found = destinationFromText(await this.#entry.askAddress(sentence));
    }
    return found.destination;
  }

  async #open(destination: Destination): Promise<void> {
    if (!('subtle' in crypto)) return this.#failed(destination, 'This page needs https', [NEEDS_HTTPS]);
    this.#entry.working('Looking for the job …', destination);
    document.title = `${destination.id} · Converge`;
    const secret = this.#secret;
    this.#secret = undefined;
    const kept = secret === undefined ? readPageKey() : undefined;
    const opening = openJob({
      url: destination.clientUrl,
      pin: destination.pin,
      user: destination.user,
      waitMs: WAIT_FOR_JOB_MS,
      confirmHostKey: (hostKey) => this.#entry.askHostKey(destination, hostKey),
      signIn: {
        ...(secret === undefined ? {} : { secret }),
        keys: async () => {
          const own = await (kept ?? readPageKey());
          return own.kind === 'key' ? [own.key] : [];
        },
        answers: (request, attempt) => this.#answers(destination, request, attempt),
        password: (attempt) => this.#password(destination, attempt),
      },
      events: (event) => this.#hear(event, destination),
    });
    const preparing = this.#prepare(destination, opening);
    const outcome = await opening;
    // A form that nobody will see is no part of a page that says what went wrong.
    if (outcome.kind !== 'open') void preparing.then((workspace) => this.#discard(workspace));
    else await preparing;
    await this.#came(outcome, destination);
  }

  #discard(workspace: Workspace | undefined): void {
    if (workspace === undefined || workspace !== this.#workspace) return;
    workspace.close();
    this.#workspace = undefined;
  }

  /**
   * Builds the workspace while the job is on its way: out of sight, but laid out, so that its terminal has its size. Undefined if a
   * part of the page is missing, or if there is one of a job before.
   */
  async #prepare(destination: Destination, opening: Promise<unknown>): Promise<Workspace | undefined> {
    const screen = await screenOf(document);
    await idleBefore(opening);
    if (screen === undefined || this.#workspace !== undefined) return undefined;
    const workspace = new Workspace({
      screen,
      destination,
      preferences: this.#preferences,
      leave: () => this.#leave(destination),
      reopen: () => void this.#reopen(destination),
    });
    this.#workspace = workspace;
    workspace.root.inert = true;
    document.body.append(workspace.root);
    workspace.prepare();
    return workspace;
  }

  /** One question whose answer must not be seen is the password, however it is asked. */
  async #answers(
    destination: Destination,
    request: SignInRequest,
    attempt: number,
  ): Promise<readonly string[] | undefined> {
    const [prompt, ...more] = request.prompts;
    if (prompt === undefined) return [];
    if (!prompt.echo && more.length === 0) {
      const password = await this.#password(destination, attempt);
      return password === undefined ? undefined : [password];
    }
    const answers = await this.#entry.askPrompts(destination, request);
    this.#entry.working('Signing in …', destination);
    return answers;
  }

  async #password(destination: Destination, attempt: number): Promise<string | undefined> {
    const password = await this.#entry.askPassword(destination, attempt);
    this.#entry.working('Signing in …', destination);
    return password;
  }

  #hear(event: JobEvent, destination: Destination): void {
    this.#workspace?.hear(event);
    switch (event.kind) {
      case 'waiting':
        return this.#entry.working(event.sentence, destination);
      case 'host_proved':
        return this.#entry.working('The job has proved its key. Signing in …', destination);
      case 'ended':
        this.#job = undefined;
        return this.#workspace?.ended(event.end);
      case 'connecting':
      case 'banner':
      case 'open':
      case 'reconnecting':
      case 'still_reconnecting':
      case 'resumed':
        return;
    }
  }

  async #came(outcome: JobOutcome, destination: Destination): Promise<void> {
    switch (outcome.kind) {
      case 'open':
        return await this.#opened(outcome.job, destination);
      case 'wrong_host_key':
        return this.#failed(destination, 'This is not the job', [
          'Another key answered than the link names. Somebody may be between you and the job, or the job was started again and has another link. Nothing was sent to it.',
          element(
            'pre',
            { class: 'quoted', tabindex: 0 },
            `link  ${destination.pin ?? ''}\ncame  ${outcome.presented}`,
          ),
        ]);
      case 'not_let_in':
        return await this.#notLetIn(outcome.ways, outcome.sentence, destination);
      case 'no_such_id':
      case 'unreachable':
        return this.#failed(destination, 'The job cannot be reached', [outcome.sentence]);
      case 'refused':
        return outcome.kinds.includes('sso')
          ? this.#askToSignOn(destination)
          : this.#failed(destination, 'The relay said no', [outcome.sentence]);
      case 'broken':
        return this.#failed(destination, 'The session was cut', [outcome.sentence]);
      case 'aborted':
        return this.#failed(destination, 'Not opened', ['The host key was not confirmed. Nothing was sent.']);
    }
  }

  async #opened(job: Job, destination: Destination): Promise<void> {
    // It may have been taken away with an attempt before this one.
    const workspace = this.#workspace ?? (await this.#prepare(destination, Promise.resolve()));
    if (workspace === undefined) {
      job.close();
      return this.#failed(destination, 'A part of this page is missing', [
        'It did not come, or it is another one than the page names. Load the page again.',
      ]);
    }
    this.#job = job;
    this.#entry.root.remove();
    workspace.root.inert = false;
    await workspace.use(job);
  }

  /** Another session; what the files panel has on its way goes on in it. */
  async #reopen(destination: Destination): Promise<void> {
    if (this.#workspace !== undefined) this.#workspace.root.inert = true;
    document.body.append(this.#entry.root);
    await this.#open(destination);
  }

  #leave(destination: Destination): void {
    const job = this.#job;
    this.#job = undefined;
    job?.close();
    this.#workspace?.close();
    this.#workspace = undefined;
    document.body.append(this.#entry.root);
    this.#failed(destination, 'You have left the job', [
      'It ends by itself when nobody is in it, unless it is held.',
    ]);
  }

  async #notLetIn(ways: readonly string[], sentence: string, destination: Destination): Promise<void> {
    if (!ways.includes('publickey')) return this.#failed(destination, 'Not let in', [sentence]);
    const before = await readPageKey();
    const made = before.kind === 'none' ? await makePageKey() : before;
    if (made.kind !== 'key')
      return this.#failed(destination, 'Not let in', [
        sentence,
        made.kind === 'impossible' ? made.sentence : '',
      ]);
    this.#entry.showKey(destination, made.key, sentence, {
      retry: () => void this.#open(destination),
      copy: (text) => void copyText(text),
      renew: () => void forgetPageKey().then(() => this.#notLetIn(ways, sentence, destination)),
    });
  }

  /** The relay has its own page for it, which leads back here; but to no page that is not the relay's. */
  #askToSignOn(destination: Destination): void {
    const address = signOnAddress(destination, location.origin);
    const fragment = fragmentOf(destination);
    if (address === undefined) {
      const label = 'Open the page of the relay';
      const open = (): void => location.assign(`${destination.terminalUrl}${fragment}`);
      return this.#entry.failed(
        'This page cannot sign on',
        [FOREIGN_SIGN_ON],
        [{ label, act: open }],
        destination,
      );
    }
    const signOn = (): void => {
      keepFragment(location.pathname, fragment);
      location.assign(address);
    };
    const said = ['This relay asks who you are before it lets you through.'];
    this.#entry.failed('Sign on first', said, [{ label: 'Sign on', act: signOn }], destination);
  }

  #failed(destination: Destination, title: string, said: readonly (string | HTMLElement)[]): void {
    this.#entry.failed(
      title,
      said,
      [{ label: 'Try again', act: () => void this.#open(destination) }],
      destination,
    );
  }
}

const NEEDS_HTTPS =
  'A browser gives a page what it needs for encryption only over https, or on the same machine. Use wsproxy, or open converge-terminal.html from disk.';

const FOREIGN_SIGN_ON =
  'This relay asks who you are, and takes a sign-on from its own page alone. Use wsproxy; or open the page of the relay, and trust what it serves.';

function keepInAddress(fragment: string): void {
  const { hash, pathname, search } = location;
  if (hash !== fragment) history.replaceState(null, '', `${pathname}${search}${fragment}`);
}
