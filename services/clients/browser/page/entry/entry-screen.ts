// The entry screen: one card that says what happens until the job is open, and asks what is needed for it.
import type { SignInRequest } from '../../ssh/sign-in/sign-in-ways.ts';
import { button, type Child, element, icon } from '../dom/element.ts';
import { visibleText } from '../dom/visible-text.ts';
import type { Destination } from './destination.ts';
import type { PageKey } from './page-key.ts';

/** What a host says while somebody signs in is cut to this, in characters. */
const MAX_PROMPT_CHARACTERS = 200;

export interface EntryAction {
  readonly label: string;
  readonly act: () => void;
}

/** What can be done with the page's own key. */
export interface KeyActions {
  readonly retry: () => void;
  readonly copy: (text: string) => void;
  /** Throws this one away. */
  readonly renew: () => void;
}

export class EntryScreen {
  readonly root: HTMLElement;
  readonly #title = element('h1');
  readonly #job = element('p', { class: 'job' });
  readonly #body = element('div', { class: 'body' });

  constructor(foot: readonly Child[]) {
    const card = element('div', { class: 'card' }, this.#title, this.#job, this.#body);
    this.root = element(
      'main',
      { class: 'entry' },
      element('div', { class: 'brand' }, icon('mark'), element('span', {}, 'Converge')),
      card,
      element('footer', {}, ...foot),
    );
  }

  /** Nothing to be done. */
  working(sentence: string, destination: Destination): void {
    this.#show('Opening the job', destination, [
      element('p', { class: 'working', role: 'status' }, element('span', { class: 'spinner' }), sentence),
    ]);
  }

  /** It did not work, or is over. */
  failed(
    title: string,
    said: readonly Child[],
    actions: readonly EntryAction[],
    destination?: Destination,
  ): void {
    this.#show(title, destination, [
      element(
        'div',
        { role: 'alert' },
        ...said.map((text) => (typeof text === 'string' ? element('p', {}, text) : text)),
      ),
      actionsRow(actions),
    ]);
  }

  /** Undefined: the person gives up. */
  async askPassword(destination: Destination, attempt: number): Promise<string | undefined> {
    const note = attempt > 1 ? 'That was not the password. It is in the log of the job.' : undefined;
    const answers = await this.#askAll('Sign in', destination, note, [
      { label: `Password of ${destination.user}`, isSecret: true },
    ]);
    return answers?.[0];
  }

  /** What the host itself asks. */
  async askPrompts(
    destination: Destination,
    { instruction, name, prompts }: SignInRequest,
  ): Promise<readonly string[] | undefined> {
    const said = [name, instruction].map((text) => visibleText(text.rawTextToParse(), MAX_PROMPT_CHARACTERS));
    const questions = prompts.map(({ text, echo }) => ({
      label: visibleText(text.rawTextToParse(), MAX_PROMPT_CHARACTERS),
      isSecret: !echo,
    }));
    const note = said.filter((text) => text !== '').join(' · ');
    return await this.#askAll('The job asks', destination, note === '' ? undefined : note, questions);
  }

  /** Without a pin: whether the key is the one that the log shows. */
  async askHostKey(destination: Destination, hostKey: string): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#show('Is this the job?', destination, [
      element(
        'p',
        {},
        'The link does not say which host key must answer. Compare this with the line SHA256:… in the log of the job:',
      ),
      element('pre', { class: 'quoted', tabindex: 0 }, hostKey),
      actionsRow([
        { label: 'It is another', act: () => resolve(false) },
        { label: 'It is the same', act: () => resolve(true) },
      ]),
    ]);
    return await promise;
  }

  /** For a page that no link has led to. */
  async askAddress(fault: string | undefined): Promise<string> {
    const { promise, resolve } = Promise.withResolvers<string>();
    const input = textInput('address', 'wss://HOST/client/ID#SHA256:…');
    this.#show('Which job?', undefined, [
      formOf(
        [
          element('label', { for: 'address' }, 'Its address, as the log of the job prints it'),
          input,
          faultLine(fault),
        ],
        'Open',
        () => resolve(input.value),
      ),
    ]);
    input.focus();
    return await promise;
  }

  /** The job takes keys, and this page's is not among them. */
  showKey(destination: Destination, { line }: PageKey, sentence: string, actions: KeyActions): void {
    const command = `converge allow '${line}'`;
    this.#show('The job takes keys', destination, [
      element('p', { role: 'status' }, sentence),
      element(
        'p',
        {},
        'This browser has made a key of its own, which nobody can take out of it. Whoever is in the job can let it in:',
      ),
      element('pre', { class: 'quoted', tabindex: 0 }, command),
      element(
        'p',
        {},
        'Or add this line to the keys of your account, or to those that the job was started with:',
      ),
      element('pre', { class: 'quoted', tabindex: 0 }, line),
      actionsRow([
        { label: 'Make another key', act: actions.renew },
        { label: 'Copy the command', act: () => actions.copy(command) },
        { label: 'Copy the line', act: () => actions.copy(line) },
        { label: 'Try again', act: actions.retry },
      ]),
    ]);
  }

  async #askAll(
    title: string,
    destination: Destination,
    note: string | undefined,
    questions: readonly { readonly label: string; readonly isSecret: boolean }[],
  ): Promise<readonly string[] | undefined> {
    const { promise, resolve } = Promise.withResolvers<readonly string[]>();
    const inputs = questions.map(({ isSecret }, index) =>
      element('input', {
        id: `answer-${index}`,
        type: isSecret ? 'password' : 'text',
        autocomplete: isSecret ? 'off' : 'username',
        autocapitalize: 'none',
        spellcheck: 'false',
      }),
    );
    const fields = questions.flatMap(({ label }, index) => [
      element('label', { for: `answer-${index}` }, label),
      inputs[index],
    ]);
    this.#show(title, destination, [
      formOf([faultLine(note), ...fields], 'Open', () => resolve(inputs.map(({ value }) => value))),
    ]);
    inputs[0]?.focus();
    return await promise;
  }

  #show(title: string, destination: Destination | undefined, body: readonly Child[]): void {
    this.#title.textContent = title;
    this.#job.hidden = destination === undefined;
    this.#job.textContent = destination === undefined ? '' : `${destination.id} · ${destination.host}`;
    this.#body.replaceChildren(...body.filter((child) => child !== undefined));
  }
}

function formOf(fields: readonly Child[], submit: string, done: () => void): HTMLFormElement {
  const send = element('button', { class: 'main' }, submit);
  const form = element('form', {}, ...fields, element('div', { class: 'actions' }, send));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    send.disabled = true;
    done();
  });
  return form;
}

function textInput(id: string, placeholder: string): HTMLInputElement {
  return element('input', {
    id,
    placeholder,
    autocomplete: 'off',
    autocapitalize: 'none',
    spellcheck: 'false',
  });
}

function faultLine(text: string | undefined): Child {
  return text === undefined ? undefined : element('p', { class: 'note', role: 'alert' }, text);
}

/** The last is the one that is meant. */
function actionsRow(actions: readonly EntryAction[]): HTMLElement {
  return element(
    'div',
    { class: 'actions' },
    ...actions.map(({ label, act }, index) =>
      button(label, act, { class: index === actions.length - 1 ? 'main' : undefined }),
    ),
  );
}
