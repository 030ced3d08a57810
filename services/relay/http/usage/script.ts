// The script of the usage page: the ID box rewrites every command at once, the choices of a CI system and of a laptop hide what is
// for others, and the copy buttons copy.

/** It is optional: without it the form asks the relay for a page with that ID. It touches text and attributes, never HTML. */
export const PAGE_SCRIPT = `
'use strict';
(() => {
  const form = document.getElementById('id-form');
  const input = document.getElementById('id-input');
  const message = document.getElementById('id-message');
  const announcer = document.getElementById('announcer');
  const gaps = document.querySelectorAll('[data-fallback]');

  // The card of the job log links here with the fingerprint as the fragment, which no server sees. It is for one job.
  let pinned = {};
  const pinIn = (hash) => (/^#(SHA256:[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048])$/.exec(hash) || [])[1];
  const showPin = (id) => {
    const pin = id === pinned.id ? pinned.pin : '';
    for (const gap of document.querySelectorAll('[data-before-pin]'))
      gap.textContent = pin && gap.dataset.beforePin + pin;
    document.getElementById('pin').textContent = pin;
    document.getElementById('pin-note').hidden = !pin;
    document.getElementById('no-pin-note').hidden = !!pin;
  };
  const readPin = () => {
    const pin = pinIn(location.hash);
    const id = input.value.trim();
    if (!pin || id === '') return;
    pinned = { id, pin };
    showPin(id);
  };
  readPin();
  addEventListener('hashchange', readPin);

  const showId = () => {
    const id = input.value.trim();
    const isValid = id === '' || new RegExp('^(?:' + input.pattern + ')$', 'v').test(id);
    input.setAttribute('aria-invalid', String(!isValid));
    message.textContent = isValid ? '' : 'That is no ID, so the commands below are unchanged.';
    if (!isValid) return false;
    for (const gap of gaps)
      gap.textContent = id === '' ? gap.dataset.fallback : (gap.dataset.before || '') + id;
    showPin(id);
    const hash = id === pinned.id || !pinIn(location.hash) ? location.hash : '';
    history.replaceState(null, '', location.pathname + (id === '' ? '' : '?id=' + id) + hash);
    return true;
  };

  // The choices: what is shown, and what is chosen at first.
  const systemOf = (agent) =>
    /Windows/.test(agent) ? 'windows' : /Macintosh/.test(agent) ? 'macos' : 'linux';
  const choices = {
    ci: {
      first: 'shell',
      show: (ci) => {
        for (const part of document.querySelectorAll('[data-ci]')) part.hidden = part.dataset.ci !== ci;
      },
    },
    system: {
      first: systemOf(navigator.userAgent),
      show: (system) => {
        // Whose lines these are is said where there are those of others.
        document.body.dataset.system = system;
        for (const part of document.querySelectorAll('[data-systems]'))
          part.hidden = system !== 'all' && !part.dataset.systems.split(' ').includes(system);
      },
    },
  };
  for (const fieldset of document.querySelectorAll('[data-choice]')) {
    const { first, show } = choices[fieldset.dataset.choice];
    const radios = [...fieldset.querySelectorAll('input')];
    fieldset.hidden = false;
    // A browser that goes back may bring back what was chosen.
    if (!radios.some((radio) => radio.checked)) for (const radio of radios) radio.checked = radio.value === first;
    for (const radio of radios) {
      if (radio.checked) show(radio.value);
      radio.addEventListener('change', () => {
        show(radio.value);
        announcer.textContent = 'Commands for: ' + radio.parentElement.textContent.trim() + '.';
      });
    }
  }

  form.noValidate = true;
  input.addEventListener('input', showId);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (showId()) announcer.textContent = 'All commands are for ' + (input.value.trim() || 'no certain ID') + ' now.';
    else input.focus();
  });
  // A browser that goes back may bring back what stood in the box.
  if (input.value !== input.defaultValue) showId();

  const copy = async (code) => {
    // Only pages over HTTPS or from this machine have a clipboard; the old way works elsewhere too.
    if (navigator.clipboard) return navigator.clipboard.writeText(code.textContent);
    const selection = getSelection();
    selection.selectAllChildren(code);
    const isDone = document.execCommand('copy');
    selection.removeAllRanges();
    if (!isDone) throw new Error('copy was refused');
  };

  const timers = new WeakMap();
  for (const button of document.querySelectorAll('button.copy')) {
    button.hidden = false;
    button.addEventListener('click', async () => {
      const code = document.getElementById(button.dataset.copies);
      let word = 'Copied';
      try {
        await copy(code);
      } catch {
        // The person can still press the keys: the text is selected for them.
        getSelection().selectAllChildren(code);
        word = 'Selected';
      }
      button.textContent = word;
      button.dataset.state = word;
      const said = word + ': ' + button.parentElement.querySelector('figcaption').textContent;
      announcer.textContent = said;
      clearTimeout(timers.get(button));
      timers.set(button, setTimeout(() => {
        button.textContent = 'Copy';
        delete button.dataset.state;
        // Another button may have spoken since.
        if (announcer.textContent === said) announcer.textContent = '';
      }, 2000));
    });
  }
})();
`;
