// The script of the operator's page: it loads the figures anew, searches as one types, and keeps the operator's name.

/** The name of the policy by which the script makes a document of what the relay sends (W3C Trusted Types). */
export const TRUSTED_TYPES_POLICY = 'converge-operator';

/** How often the page is loaded anew while somebody looks at it, in milliseconds. */
export const REFRESH_EVERY_MS = 5_000;

/**
 * It is optional: without it links and forms do the same, with a reload. What it shows is what the relay would show; it
 * replaces parts of the page that the relay has escaped, and runs nothing of them.
 */
export const OPERATOR_SCRIPT = `
'use strict';
(() => {
  const policy = self.trustedTypes
    ? trustedTypes.createPolicy('${TRUSTED_TYPES_POLICY}', { createHTML: (text) => text })
    : { createHTML: (text) => text };
  const figures = document.getElementById('live-figures');
  const live = document.getElementById('live');
  const search = document.getElementById('search');
  const name = document.getElementById('by');
  const notice = document.getElementById('notice');
  const state = document.getElementById('state');
  let asked = 0;

  const say = (text, isBad) => {
    notice.textContent = text;
    notice.dataset.kind = isBad ? 'bad' : 'good';
    notice.hidden = text === '';
  };

  // A menu that is open, a form that is being filled in, or a link that is pressed is not taken from under the hand.
  const isBusy = () =>
    live.matches(':active') ||
    live.querySelector('details[open]') !== null ||
    (live.contains(document.activeElement) && document.activeElement.matches('input, select, textarea')) ||
    [...live.querySelectorAll('form.add input[type=text]')].some((input) => input.value !== input.defaultValue);

  const nameForms = () => {
    for (const field of live.querySelectorAll('input[name=by]')) field.value = name.value.trim();
  };

  const load = async (isAsked) => {
    if (!isAsked && (document.hidden || isBusy())) return;
    const turn = (asked += 1);
    try {
      const answer = await fetch(location.pathname + location.search, { headers: { accept: 'text/html' } });
      if (!answer.ok) throw new Error('status ' + answer.status);
      const text = await answer.text();
      if (turn !== asked || (!isAsked && isBusy())) return;
      const other = new DOMParser().parseFromString(policy.createHTML(text), 'text/html');
      const fresh = other.getElementById('live');
      if (fresh === null) throw new Error('this is another page');
      const { activeElement: focused, scrollingElement: view } = document;
      const { scrollTop } = view;
      const wide = live.querySelector('.scroll');
      const scrollLeft = wide === null ? 0 : wide.scrollLeft;
      figures.replaceChildren(...document.adoptNode(other.getElementById('live-figures')).childNodes);
      live.replaceChildren(...document.adoptNode(fresh).childNodes);
      if (focused !== null && focused.id !== '' && !focused.isConnected)
        document.getElementById(focused.id)?.focus({ preventScroll: true });
      view.scrollTop = scrollTop;
      const nowWide = live.querySelector('.scroll');
      if (nowWide !== null) nowWide.scrollLeft = scrollLeft;
      nameForms();
      state.textContent = 'live';
      state.dataset.kind = 'good';
    } catch (error) {
      state.textContent = 'not up to date: ' + error.message;
      state.dataset.kind = 'bad';
    }
  };

  const go = (url) => {
    history.replaceState(null, '', url);
    return load(true);
  };

  let typing;
  const find = () => {
    const url = new URL(location.href);
    url.searchParams.set('q', search.value);
    url.searchParams.delete('page');
    url.searchParams.delete('said');
    void go(url);
  };
  search?.addEventListener('input', () => {
    clearTimeout(typing);
    typing = setTimeout(find, 200);
  });
  search?.form.addEventListener('submit', (event) => {
    event.preventDefault();
    clearTimeout(typing);
    find();
  });

  // Links that only change the order or the page keep the place where one is.
  live.addEventListener('click', (event) => {
    const link = event.target.closest('a[data-stay]');
    if (link === null || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    void go(link.href);
  });

  live.addEventListener('submit', async (event) => {
    const form = event.target;
    if (form.method !== 'post') return;
    event.preventDefault();
    if (name.value.trim() === '') {
      say('Say who you are first: the name goes into the record of who did what.', true);
      name.focus();
      return;
    }
    nameForms();
    const button = event.submitter;
    if (button !== null) button.disabled = true;
    try {
      const answer = await fetch(form.getAttribute('action'), {
        method: 'POST',
        headers: { accept: 'application/json' },
        body: new URLSearchParams(new FormData(form)),
      });
      const { message, kind } = await answer.json();
      say(message.charAt(0).toUpperCase() + message.slice(1) + '.', !answer.ok || kind === 'missed');
      if (!answer.ok) return;
      for (const open of live.querySelectorAll('details[open]')) open.open = false;
      form.reset();
      await load(true);
      search?.focus({ preventScroll: true });
    } catch (error) {
      say('The relay does not answer: ' + error.message, true);
    } finally {
      if (button !== null) button.disabled = false;
    }
  });

  // One menu at a time; Escape closes it, and the focus stays where it was opened.
  live.addEventListener('toggle', (event) => {
    if (!event.target.open) return;
    for (const other of live.querySelectorAll('details[open]')) if (other !== event.target) other.open = false;
  }, true);
  document.addEventListener('click', (event) => {
    for (const open of live.querySelectorAll('details[open]'))
      if (!open.contains(event.target)) open.open = false;
  });
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') {
      const open = live.querySelector('details[open]');
      if (open !== null) {
        open.open = false;
        open.querySelector('summary').focus();
      } else if (document.activeElement === search && search.value !== '') {
        search.value = '';
        find();
      }
      return;
    }
    const isTyping = document.activeElement.matches('input, select, textarea');
    if (event.key === '/' && !isTyping && search !== null) {
      event.preventDefault();
      search.focus();
      search.select();
    }
  });

  const KEY = 'converge-operator-name';
  try {
    if (name.value === '') name.value = localStorage.getItem(KEY) ?? '';
  } catch {
    // A browser that keeps nothing asks again.
  }
  name.addEventListener('input', () => {
    nameForms();
    try {
      localStorage.setItem(KEY, name.value.trim());
    } catch {
      // As above.
    }
  });
  name.form.addEventListener('submit', (event) => event.preventDefault());
  nameForms();
  state.textContent = 'live';
  state.dataset.kind = 'good';
  if (location.search.includes('said=')) {
    const url = new URL(location.href);
    url.searchParams.delete('said');
    history.replaceState(null, '', url);
  }
  setInterval(() => load(false), ${REFRESH_EVERY_MS});
  document.addEventListener('visibilitychange', () => load(false));
})();
`;
