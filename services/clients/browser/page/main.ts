// The page: takes over what the browser has loaded. The process of the client in a browser, and nothing else.
// Before all others: it is run first.
import './dial-first.ts';
import { refuseFrame } from './frame-refusal.ts';
import { isFramed } from './framed.ts';
import { defineAdoptedStyle } from './terminal/adopted-style.ts';
import { Visit } from './visit.ts';

function begin(): void {
  if (isFramed()) return refuseFrame();
  defineAdoptedStyle();
  void new Visit().start();
}

// The script may be there before the document is.
if (document.readyState === 'loading') document.addEventListener('readystatechange', begin, { once: true });
else begin();
