// The first screen of the usage page: the line for the job and the line for the laptop, each with its choice.
import { type FirstLine, jobFirstLines, laptopFirstLines } from './first-lines.ts';
import { type Html, html } from './html.ts';
import { NOTHING_BUILT } from './laptop-sections.ts';
import type { PageOptions } from './plain-text.ts';
import { htmlFromProse } from './prose.ts';
import { renderSnippet } from './snippet.ts';
import { laptopOffer, SYSTEM_NAMES, SYSTEMS } from './systems.ts';

/** Both steps, down to what each leads to. */
export function renderFirstScreen(options: PageOptions): Html {
  const { id, entry } = options;
  const jobLines = jobFirstLines(options);
  return html`<section class="step" aria-labelledby="first-job-title">
<div class="head"><h2 id="first-job-title">1. In the CI job</h2>
${renderChoice('ci', 'Your CI system', jobLines)}</div>
${jobLines.map((line) => renderSnippet(line, id, { marks: html` data-ci="${line.choice}"`, breaks: true }))}
<p class="note">${
    entry.agents === undefined
      ? 'The agent makes an ID that nobody can guess, and prints the line for your laptop.'
      : 'This relay has rules for jobs: the block of your CI system has what they ask for.'
  } It ends by itself. <a href="#ci">Ready blocks, pinned and limited in time</a> · <a href="#trouble">No <code>curl</code> in the image?</a></p>
</section>
<section class="step" aria-labelledby="first-laptop-title">
<div class="head"><h2 id="first-laptop-title">2. On your laptop</h2>
${renderChoice('system', 'Your laptop', [...SYSTEMS.map((choice) => ({ choice, label: SYSTEM_NAMES[choice] })), { choice: 'all', label: 'Show all' }])}</div>
${laptopFirstLines(options).map((line) => renderSnippet(line, id))}
${renderNothing(options)}
<p class="note" id="no-pin-note">The job log has this line complete, with the ID and the fingerprint of the job’s host key, and a link for who has a browser and nothing else. <a href="#on-your-laptop">Files, PuTTY, Node</a></p>
<p class="note" id="pin-note" hidden>The lines for your laptop end in the fingerprint of this job’s host key, as the job log has it: <code><span id="pin"></span></code>. So <code>ssh</code> has nothing to ask. <a href="#on-your-laptop">Files, PuTTY, Node</a></p>
</section>`;
}

/** Nothing without the script, which shows it and hides what is not chosen. */
function renderChoice(
  name: 'ci' | 'system',
  legend: string,
  choices: readonly Pick<FirstLine, 'choice' | 'label'>[],
): Html {
  return html`<fieldset class="choice" data-choice="${name}" hidden>
<legend class="unseen">${legend}</legend>
${choices.map(
  ({ choice, label }) =>
    html`<label><input type="radio" name="${name}" value="${choice}"><span>${label}</span></label>
`,
)}</fieldset>`;
}

/** For whoever finds no line. */
function renderNothing({ offer }: PageOptions): Html[] {
  const { served, hasScript } = laptopOffer(offer);
  if (hasScript) return [];
  if (served.length === 0) return [html`<p class="note">${htmlFromProse(NOTHING_BUILT)}</p>`];
  return SYSTEMS.filter((system) => !served.includes(system)).map(
    (system) =>
      html`<p class="note" data-systems="${system}">This relay has no programs for ${SYSTEM_NAMES[system]}. The link of the job log opens the job in a browser.</p>`,
  );
}
