// The expiry clock: how long the job has still, and a button that holds it.
import type { Job } from '../job/job.ts';
import { announce } from './dom/announcer.ts';
import { button, element } from './dom/element.ts';
import { visibleText } from './dom/visible-text.ts';
import { askStatus, type JobStatus } from './job-status.ts';

/** How often the job is asked, in milliseconds: keys that are pressed move its end. Asking does not. */
const ASK_EVERY_MS = 60_000;
const TICK_MS = 1_000;
/** Below this it is shown as urgent, in milliseconds. */
const SOON_MS = 5 * 60_000;

interface Known {
  readonly status: JobStatus;
  /** On the page's clock. */
  readonly at: number;
}

/** Shows nothing for an agent that is not asked so. */
export class ExpiryClock {
  readonly root: HTMLElement;
  readonly #left = element('span', { class: 'left' });
  readonly #hold: HTMLButtonElement;
  #job: Job | undefined;
  #known: Known | undefined;
  #asked = 0;
  #saidSoon = false;

  constructor(signal: AbortSignal) {
    this.#hold = button('Hold 1 h', () => void this.hold(), {
      title: 'Keep the job for an hour from now, also when everybody leaves',
    });
    this.root = element('div', { class: 'expiry', hidden: true }, this.#left, this.#hold);
    const ticks = setInterval(() => this.#tick(), TICK_MS);
    signal.addEventListener('abort', () => clearInterval(ticks));
    document.addEventListener('visibilitychange', () => this.#tick(), { signal });
  }

  use(job: Job): void {
    this.#job = job;
    void this.#ask();
  }

  /** The job is over. */
  stop(): void {
    this.#job = undefined;
    this.root.hidden = true;
  }

  async #ask(): Promise<void> {
    const job = this.#job;
    if (job === undefined) return;
    this.#asked = Date.now();
    const status = await askStatus(job).catch(() => undefined);
    if (job !== this.#job) return;
    // An agent that does not answer once is not asked again.
    if (status === undefined && this.#known === undefined) this.#job = undefined;
    if (status !== undefined) this.#known = { status, at: Date.now() };
    this.#show();
  }

  /** Never rejects. */
  async hold(): Promise<void> {
    const job = this.#job;
    if (job === undefined) return;
    this.#hold.disabled = true;
    try {
      const { stdout, stderr } = await job.run('converge hold 1h');
      const said = new TextDecoder().decode(stdout.length > 0 ? stdout : stderr);
      announce(visibleText(said.trim().split('\n')[0] ?? '', 160));
    } catch {
      announce('The job could not be held: the connection is gone.');
    }
    this.#hold.disabled = false;
    await this.#ask();
  }

  #tick(): void {
    if (this.#job === undefined || document.hidden) return;
    if (Date.now() - this.#asked >= ASK_EVERY_MS) void this.#ask();
    this.#show();
  }

  #show(): void {
    const known = this.#known;
    this.root.hidden = known === undefined || this.#job === undefined;
    if (known === undefined) return;
    const leftMs = Math.max(0, known.at + known.status.endsInMs - Date.now());
    const isSoon = leftMs < SOON_MS;
    this.#left.textContent = `${known.status.isHeld ? 'held, ' : ''}${countdownText(leftMs)} left`;
    this.root.classList.toggle('soon', isSoon);
    if (isSoon && !this.#saidSoon) announce('The job ends in less than five minutes.');
    this.#saidSoon = isSoon;
  }
}

/** `9:58`, `1 h 12 min`. */
export function countdownText(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}:${String(seconds % 60).padStart(2, '0')}`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
