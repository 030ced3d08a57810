// A step of a CI system: what it hands to the machine, made from the file of deploy/ci that a person would paste.

/** What the person wants, whatever the system. */
export interface StepWish {
  /** `http://HOST:PORT` of the relay. */
  readonly relay: string;
  /** The lines of the job itself. */
  readonly command: string;
  /** The words of the shell that the image has. */
  readonly shell: readonly [string, ...string[]];
  /** The options of the block; what is not here stays as the block has it. */
  readonly options?: Readonly<Partial<Record<'allow' | 'id' | 'sha256', string>>>;
}

/** What is started. */
export interface CiStep {
  readonly command: readonly [string, ...string[]];
  readonly stdin?: string;
  /** On top of PATH, HOME and the like. */
  readonly env: Readonly<Record<string, string>>;
}

export interface CiSystem {
  readonly name: string;
  /** Whether what somebody says in there can make a failed job a success. */
  readonly canContinue: boolean;
  /** True for a step that runs after the job's own and has a code of its own, which decides nothing. */
  readonly ownStep?: true;
  /** True where the door is not among the lines of the step: what the job ends with without it is the command's own. */
  readonly hasCommandApart?: true;
  /** True for a block that is one line and has no sentences of its own. */
  readonly isOneLine?: true;
  /** The shells that the system itself runs such a step with, if it does not take what the image has. */
  readonly shells?: readonly string[];
  readonly stepOf: (wish: StepWish) => CiStep;
}

/** `text` as one word of a POSIX shell. */
export function quoteWord(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** `text` with what stands between `open` and `close` replaced by its value. @throws Error for a name without one */
export function fillIn(
  text: string,
  [open, close]: readonly [string, string],
  values: Readonly<Record<string, string>>,
): string {
  const pattern = new RegExp(`${RegExp.escape(open)}\\s*([\\w.-]+)\\s*${RegExp.escape(close)}`, 'g');
  return text.replaceAll(pattern, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`nothing is called ${name}`);
    return value;
  });
}
