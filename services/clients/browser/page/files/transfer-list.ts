// The transfer list: what is on its way, how far it is, and what became of it.
import type { PageFiles } from '../../job/job-files.ts';
import { announce } from '../dom/announcer.ts';
import { element, icon, iconButton } from '../dom/element.ts';
import { MAX_RUNNING_TRANSFERS } from '../dom/limits.ts';
import { visibleText } from '../dom/visible-text.ts';
import { sizeText } from './file-text.ts';
import { Transfer, type TransferWork } from './transfer.ts';

interface Row {
  readonly transfer: Transfer;
  readonly root: HTMLElement;
  readonly bar: HTMLProgressElement;
  readonly said: HTMLElement;
}

export interface TransferListOptions {
  /** A channel for transfers alone: what a person looks at does not wait behind them. */
  readonly files: () => Promise<PageFiles>;
  /** Something of the job has changed. */
  readonly uploaded: () => void;
}

export class TransferList {
  readonly root = element('ul', { class: 'transfers', 'aria-label': 'Transfers' });
  readonly #rows: Row[] = [];
  #options: TransferListOptions;

  constructor(options: TransferListOptions) {
    this.#options = options;
  }

  /** True while something would be lost with the page. */
  get isBusy(): boolean {
    return this.#rows.some(({ transfer }) =>
      ['waiting', 'running', 'interrupted'].includes(transfer.state.kind),
    );
  }

  add(work: TransferWork): void {
    const transfer = new Transfer(work, (changed) => this.#show(changed));
    const bar = element('progress', {
      max: work.size ?? undefined,
      'aria-label': `Progress of ${visibleText(work.name, 80)}`,
    });
    const said = element('span', { class: 'said' });
    const root = element(
      'li',
      {},
      icon(work.way === 'up' ? 'upload' : 'download'),
      element('span', { class: 'name' }, visibleText(work.name, 80)),
      said,
      iconButton('close', `Cancel or remove ${visibleText(work.name, 80)}`, () => this.#close(row)),
      bar,
    );
    const row: Row = { transfer, root, bar, said };
    this.#rows.push(row);
    this.root.append(root);
    this.#show(transfer);
    this.#next();
  }

  /** Goes on with what was interrupted, over another connection. */
  resume(options: TransferListOptions): void {
    this.#options = options;
    this.#next();
  }

  #next(): void {
    const running = this.#rows.filter(({ transfer }) => transfer.state.kind === 'running').length;
    const waiting = this.#rows.filter(({ transfer }) =>
      ['waiting', 'interrupted'].includes(transfer.state.kind),
    );
    for (const { transfer } of waiting.slice(0, Math.max(0, MAX_RUNNING_TRANSFERS - running)))
      void this.#run(transfer);
  }

  async #run(transfer: Transfer): Promise<void> {
    let files: PageFiles;
    try {
      files = await this.#options.files();
    } catch {
      // There is no job at the moment; `resume` comes with the next one.
      return;
    }
    await transfer.run(files);
    const { state, work } = transfer;
    if (state.kind === 'done') announce(`${visibleText(work.name, 80)}: ${state.sentence}`);
    if (state.kind === 'done' && work.way === 'up') this.#options.uploaded();
    if (state.kind !== 'interrupted') this.#next();
  }

  #close(row: Row): void {
    row.transfer.cancel();
    const at = this.#rows.indexOf(row);
    if (at !== -1) this.#rows.splice(at, 1);
    row.root.remove();
    this.#next();
  }

  #show(transfer: Transfer): void {
    const row = this.#rows.find((other) => other.transfer === transfer);
    if (row === undefined) return;
    const { state, work, moved } = transfer;
    row.root.dataset['state'] = state.kind;
    if (work.size !== undefined) row.bar.value = moved;
    row.bar.hidden = !['waiting', 'running', 'interrupted'].includes(state.kind);
    row.said.textContent = sentenceOf(transfer);
  }
}

function sentenceOf({ state, work, moved }: Transfer): string {
  const of = work.size === undefined ? '' : ` of ${sizeText(work.size)}`;
  switch (state.kind) {
    case 'waiting':
      return 'waits';
    case 'running':
      return `${sizeText(moved)}${of}`;
    case 'interrupted':
      return `${sizeText(moved)}${of}, goes on when the job is back`;
    case 'failed':
    case 'done':
      return state.sentence;
    case 'cancelled':
      return 'cancelled';
  }
}
