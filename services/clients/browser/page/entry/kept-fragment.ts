// The kept fragment: what stood behind `#` while the person was away to sign on, in this tab alone.

const STORED_UNDER = 'converge.fragment ';

/** Before the page is left. */
export function keepFragment(pathname: string, fragment: string): void {
  try {
    sessionStorage.setItem(STORED_UNDER + pathname, fragment);
  } catch {
    // A browser that keeps nothing: the person will be asked for the host key.
  }
}

/** Once the page is back: puts it where it was. */
export function restoreFragment(): void {
  const { hash, pathname } = location;
  const name = STORED_UNDER + pathname;
  try {
    const kept = sessionStorage.getItem(name);
    sessionStorage.removeItem(name);
    if (kept !== null && hash === '') history.replaceState(null, '', `${pathname}${kept}`);
  } catch {
    // As above.
  }
}
