// The script of the usage page: the ID box rewrites every command at once, and the copy buttons copy.

/** It is optional: without it the form asks the relay for a page with that ID. It touches text and attributes, never HTML. */
export const PAGE_SCRIPT = `
'use strict';
(() => {
  const form = document.getElementById('id-form');
  const input = document.getElementById('id-input');
  const message = document.getElementById('id-message');
  const announcer = document.getElementById('announcer');
  const gaps = document.querySelectorAll('[data-fallback]');

  const showId = () => {
    const id = input.value.trim();
    const isValid = id === '' || new RegExp('^(?:' + input.pattern + ')$', 'v').test(id);
    input.setAttribute('aria-invalid', String(!isValid));
    message.textContent = isValid ? '' : 'That is no ID, so the commands below are unchanged.';
    if (!isValid) return false;
    for (const gap of gaps) gap.textContent = id === '' ? gap.dataset.fallback : id;
    history.replaceState(null, '', location.pathname + (id === '' ? '' : '?id=' + id) + location.hash);
    return true;
  };

  form.noValidate = true;
  input.addEventListener('input', showId);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (showId()) announcer.textContent = 'All commands are for ' + (input.value.trim() || 'the sample ID') + ' now.';
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
