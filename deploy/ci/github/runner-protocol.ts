// What an action tells GitHub's runner: commands in the log, and lines in the files that the runner names.
import { randomUUID } from 'node:crypto';
import { appendFileSync, writeFileSync } from 'node:fs';

/** The environment of a process, whole. */
export type StepEnvironment = Readonly<Record<string, string | undefined>>;

/** Of the log of a step; the runner reads its commands from there too. */
export type LogWriter = (text: string) => void;

/**
 * The runner as an action sees it.
 * @see https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
 */
export class RunnerProtocol {
  readonly #env: StepEnvironment;
  readonly #write: LogWriter;

  constructor(env: StepEnvironment, write: LogWriter) {
    this.#env = env;
    this.#write = write;
  }

  /** A line for people. What looks like a command in it is none. */
  say(text: string): void {
    for (const line of text.split(/\r\n|[\r\n]/))
      this.#write(`${line.replaceAll('##[', '# #[').replace(/^\s*::/, ': :')}\n`);
  }

  notice(text: string): void {
    this.#command('notice', text, 'title=Converge');
  }

  /** An annotation that people find on the page of the run. It changes no result. */
  warning(text: string): void {
    this.#command('warning', text, 'title=Converge');
  }

  /** Every later occurrence in the log is `***`. */
  mask(secret: string): void {
    // The runner masks line by line, and warns of an empty one.
    for (const line of secret.split(/\r\n|[\r\n]/)) if (line.trim() !== '') this.#command('add-mask', line);
  }

  /** For the steps after this one. */
  setOutput(name: string, value: string): void {
    this.#append('GITHUB_OUTPUT', assignment(name, value));
  }

  /** For the step of this action at the end of the job, as the variable STATE_name. */
  saveState(name: string, value: string): void {
    this.#append('GITHUB_STATE', assignment(name, value));
  }

  /** Markdown on the page of the run, from the end of this step on; what this step had there before is gone. */
  setSummary(markdown: string): void {
    const file = this.#env['GITHUB_STEP_SUMMARY'] ?? '';
    if (file !== '') this.#attempt('GITHUB_STEP_SUMMARY', () => writeFileSync(file, `${markdown}\n`));
  }

  #command(name: string, data: string, properties = ''): void {
    this.#write(`::${name}${properties === '' ? '' : ` ${properties}`}::${escapeData(data)}\n`);
  }

  #append(variable: string, text: string): void {
    const file = this.#env[variable] ?? '';
    if (file !== '') this.#attempt(variable, () => appendFileSync(file, text));
  }

  /** A disk that is full takes away an output, not the job. */
  #attempt(variable: string, write: () => void): void {
    try {
      write();
    } catch (error) {
      this.say(`converge: the file of ${variable} cannot be written (${(error as Error).message})`);
    }
  }
}

/** `NAME<<DELIMITER`, the value, the delimiter: the form that takes any value. */
function assignment(name: string, value: string): string {
  const delimiter = `converge-${randomUUID()}`;
  return `${name}<<${delimiter}\n${value}\n${delimiter}\n`;
}

/** How data travels in a command (actions/toolkit, packages/core/src/command.ts). */
function escapeData(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}
