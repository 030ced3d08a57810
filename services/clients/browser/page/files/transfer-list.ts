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
  readonly goOn: HTMLElement;
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
  readonly #options: TransferListOptions;

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
    const name = visibleText(work.name, 80);
    const bar = element('progress', { 'aria-label': `Progress of ${name}` });
    const said = element('span', { class: 'said' });
    const goOn = iconButton('refresh', `Go on with ${name}`, () => {
      transfer.goOn();
      this.#next();
    });
    const root = element(
      'li',
      {},
      icon(work.way === 'up' ? 'upload' : 'download'),
      element('span', { class: 'name', title: name }, element('bdi', {}, name)),
      said,
      goOn,
      iconButton('close', `Cancel or remove ${name}`, () => this.#close(row)),
      bar,
    );
    const row: Row = { transfer, root, bar, said, goOn };
    this.#rows.push(row);
    this.root.append(root);
    this.#show(transfer);
    this.#next();
  }

  /** Goes on with what was interrupted: there is another connection. */
  resume(): void {
    for (const { transfer } of this.#rows) transfer.goOn();
    this.#next();
  }

  #next(): void {
    const running = this.#rows.filter(({ transfer }) => transfer.state.kind === 'running').length;
    const waiting = this.#rows.filter(({ transfer }) => transfer.state.kind === 'waiting');
    for (const { transfer } of waiting.slice(0, Math.max(0, MAX_RUNNING_TRANSFERS - running)))
      void this.#run(transfer);
  }

  async #run(transfer: Transfer): Promise<void> {
    await transfer.run(this.#options.files);
    const { state, work } = transfer;
    if (state.kind === 'done') announce(`${visibleText(work.name, 80)}: ${state.sentence}`);
    const isStopped = state.kind === 'failed' || (state.kind === 'interrupted' && state.why === 'closed');
    if (isStopped) announce(`${visibleText(work.name, 80)}: ${sentenceOf(transfer)}`);
    // Of a folder a part may be there.
    if (work.way === 'up' && state.kind !== 'interrupted') this.#options.uploaded();
    if (state.kind !== 'interrupted' || state.why === 'closed') this.#next();
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
    if (work.size !== undefined) {
      row.bar.max = Math.max(1, work.size);
      row.bar.value = moved;
    }
    row.goOn.hidden = state.kind !== 'interrupted' || state.why === 'lost';
    row.bar.hidden = !['waiting', 'running', 'interrupted'].includes(state.kind);
    row.said.textContent = sentenceOf(transfer);
  }
}

const INTERRUPTED = {
  lost: 'goes on when the job is back',
  closed: 'the job has closed the channel of its files',
} as const;

function sentenceOf({ state, work, moved }: Transfer): string {
  const of = work.size === undefined ? '' : ` of ${sizeText(work.size)}`;
  const far = work.size === undefined && moved === 0 ? '' : `${sizeText(moved)}${of}`;
  switch (state.kind) {
    case 'waiting':
      return 'waits';
    case 'running':
      return [far, work.detail].filter((text) => text !== undefined && text !== '').join(', ');
    case 'interrupted':
      return `${far === '' ? 'nothing yet' : far}: ${INTERRUPTED[state.why]}`;
    case 'failed':
    case 'done':
      return state.sentence;
    case 'cancelled':
      return 'cancelled';
  }
}
