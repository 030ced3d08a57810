// Questions: a dialog that asks one thing, and resolves to the answer.
import { button, type Child, element } from './element.ts';

export interface Choice<Answer> {
  readonly label: string;
  readonly answer: Answer;
  readonly isMain?: boolean;
}

export interface QuestionOptions<Answer> {
  readonly title: string;
  readonly said: readonly Child[];
  readonly choices: readonly Choice<Answer>[];
  /** What the button says that chooses nothing; `Cancel` unless it is said. A phone has no Escape. */
  readonly refusal?: string;
}

/** Undefined when the person refuses or closes it. The focus goes back to where it was. */
export async function askToChoose<Answer>(options: QuestionOptions<Answer>): Promise<Answer | undefined> {
  return await openDialog<Answer>(options.title, (answer) => [
    ...options.said.map((said) => (typeof said === 'string' ? element('p', {}, said) : said)),
    element(
      'div',
      { class: 'actions' },
      button(options.refusal ?? 'Cancel', () => answer(undefined)),
      ...options.choices.map((choice) =>
        button(choice.label, () => answer(choice.answer), {
          class: choice.isMain === true ? 'main' : undefined,
        }),
      ),
    ),
  ]);
}

/** One line of text; undefined when the person cancels or closes it. */
export async function askForText(
  title: string,
  options: { readonly label: string; readonly value?: string; readonly submit: string },
): Promise<string | undefined> {
  return await openDialog<string>(title, (answer) => {
    const input = element('input', {
      id: 'question-text',
      value: options.value ?? '',
      autocomplete: 'off',
      spellcheck: 'false',
    });
    const form = element(
      'form',
      {},
      element('label', { for: 'question-text' }, options.label),
      input,
      element(
        'div',
        { class: 'actions' },
        button('Cancel', () => answer(undefined)),
        element('button', { class: 'main' }, options.submit),
      ),
    );
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      if (input.value !== '') answer(input.value);
    });
    return [form];
  });
}

/** So many were opened so far. */
let dialogs = 0;

export interface DialogOptions {
  readonly className?: string;
  /** Asked when it is about to close without an answer, by whatever means; false keeps it open. Never rejects. */
  readonly mayLeave?: () => Promise<boolean>;
}

/** A dialog over everything; `build` gets what closes it with an answer. */
export async function openDialog<Answer>(
  title: string,
  build: (answer: (value: Answer | undefined) => void) => readonly Child[],
  { className, mayLeave }: DialogOptions = {},
): Promise<Answer | undefined> {
  const { promise, resolve } = Promise.withResolvers<Answer | undefined>();
  const before = document.activeElement;
  // One may be over another: each has the name that it shows.
  dialogs += 1;
  const titleId = `dialog-title-${dialogs}`;
  const dialog = element('dialog', {
    class: className,
    'aria-labelledby': titleId,
  });
  const end = (value: Answer | undefined): void => {
    resolve(value);
    dialog.close();
  };
  let isAsking = false;
  const leave = async (): Promise<void> => {
    if (isAsking) return;
    isAsking = true;
    if (mayLeave === undefined || (await mayLeave())) end(undefined);
    isAsking = false;
  };
  dialog.append(
    element('h2', { id: titleId }, title),
    ...build((value) => {
      if (value === undefined) void leave();
      else end(value);
    }).filter((child) => child !== undefined),
  );
  const ask = (event: Event): void => {
    event.preventDefault();
    void leave();
  };
  // Not left to the browser: one that has seen it a few times in a row closes all dialogs that are open, and asks none of them.
  dialog.addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && !event.isComposing) ask(event);
  });
  dialog.addEventListener('cancel', ask);
  dialog.addEventListener('close', () => {
    resolve(undefined);
    dialog.remove();
    if (before instanceof HTMLElement) before.focus();
  });
  document.body.append(dialog);
  dialog.showModal();
  return await promise;
}
