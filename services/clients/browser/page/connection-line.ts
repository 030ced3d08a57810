// The connection line: whether the job is reached at this moment, said calmly: what is typed meanwhile arrives later.
import type { JobEvent } from '../job/job-options.ts';
import { announce } from './dom/announcer.ts';
import { element } from './dom/element.ts';

/** Less than this is nothing to speak of, in milliseconds: a relay was replaced. */
const SAID_AFTER_MS = 1_500;
const TICK_MS = 1_000;

export class ConnectionLine {
  readonly root = element('p', { class: 'connection', 'data-state': 'open' });
  readonly #words = element('span');
  #ticks: ReturnType<typeof setInterval> | undefined;

  constructor() {
    this.root.append(element('span', { class: 'dot' }), this.#words);
    this.#say('open', 'connected');
  }

  hear(event: JobEvent): void {
    switch (event.kind) {
      case 'reconnecting':
        return this.#reconnecting(event.windowMs);
      case 'resumed':
        clearInterval(this.#ticks);
        this.#say('open', 'connected');
        if (event.afterMs >= SAID_AFTER_MS)
          announce(`Connected again after ${Math.round(event.afterMs / 1_000)} s.`);
        return;
      case 'ended':
        clearInterval(this.#ticks);
        return this.#say('ended', 'ended');
      case 'open':
        clearInterval(this.#ticks);
        return this.#say('open', 'connected');
      case 'still_reconnecting':
        this.root.title = event.sentence;
        return;
      case 'connecting':
      case 'waiting':
      case 'host_proved':
      case 'banner':
        return;
    }
  }

  #reconnecting(windowMs: number): void {
    clearInterval(this.#ticks);
    const since = Date.now();
    let isSaid = false;
    this.#ticks = setInterval(() => {
      const gone = Date.now() - since;
      if (gone < SAID_AFTER_MS) return;
      this.#say('reconnecting', `reconnecting, ${Math.round(gone / 1_000)} s`);
      if (!isSaid)
        announce(
          `The connection is lost. It is dialled again, and the terminals wait for ${Math.round(windowMs / 60_000)} minutes.`,
        );
      isSaid = true;
    }, TICK_MS);
  }

  #say(state: 'open' | 'reconnecting' | 'ended', words: string): void {
    this.root.dataset['state'] = state;
    this.root.removeAttribute('title');
    this.#words.textContent = words;
  }
}
