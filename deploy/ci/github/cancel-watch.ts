// Cancellation of a step: the runner's signal, passed on to the agent that the step has opened.
import type { AgentCommand } from './agent-command.ts';

/** Calls back when the runner cancels this step; returns what takes that back. */
export type OnCancel = (listener: (signal: NodeJS.Signals) => void) => () => void;

/** From before the agent is started until all is done. Without one, a signal ends the process as usual. */
export class CancelWatch {
  readonly #command: AgentCommand;
  readonly #release: () => void;
  #goodbye: Promise<void> | undefined;

  constructor(command: AgentCommand, onCancel: OnCancel) {
    this.#command = command;
    this.#release = onCancel((signal) => {
      // A runner signals twice.
      this.#goodbye ??= this.#command.farewell(signal);
    });
  }

  get isCancelled(): boolean {
    return this.#goodbye !== undefined;
  }

  /** Resolves when those who were in have been told, at once if nobody cancelled. May be called twice. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#goodbye;
    this.#release();
  }
}
