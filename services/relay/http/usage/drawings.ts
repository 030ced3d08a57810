// Drawings: the mark of Converge and the picture of who talks to whom, as inline SVG.
import { trusted } from './html.ts';

const MARK_PATHS =
  '<path d="M3 5c7 0 7 7 13 7M3 19c7 0 7-7 13-7M16 12h5" fill="none" stroke-width="2.4" stroke-linecap="round"/>';

/** Two lines that become one. */
export const MARK = trusted(
  `<svg class="mark" viewBox="0 0 24 24" width="24" height="24" aria-hidden="true" stroke="currentColor">${MARK_PATHS}</svg>`,
);

/** The same as a data: URL, so that the browser asks no server for an icon. */
export const ICON_URL = `data:image/svg+xml,${encodeURIComponent(
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" stroke="#0f7c74">${MARK_PATHS}</svg>`,
)}`;

/** Drawn 360 units wide, so that its letters stay readable on a phone. */
export const DIAGRAM =
  trusted(`<svg class="diagram" viewBox="0 0 360 112" role="img" aria-labelledby="diagram-title">
<title id="diagram-title">The CI job and your laptop both dial this relay. SSH is encrypted from the laptop to the job; the relay passes it on.</title>
<path class="tunnel" d="M49 40C49 8 311 8 311 40"/>
<rect class="label" x="112" y="7" width="136" height="18" rx="9"/>
<text class="strong" x="180" y="20">SSH, end to end</text>
<g class="wire"><path d="M101 69h31M127 64.5l5 4.5-5 4.5M259 69h-31M233 64.5l-5 4.5 5 4.5"/></g>
<g class="box"><rect x="1" y="42" width="96" height="54" rx="9"/><rect x="136" y="42" width="88" height="54" rx="9"/><rect x="263" y="42" width="96" height="54" rx="9"/></g>
<text class="strong" x="49" y="66">CI job</text><text x="49" y="83">agent</text>
<text class="strong" x="180" y="66">relay</text><text x="180" y="83">bytes only</text>
<text class="strong" x="311" y="66">laptop</text><text x="311" y="83">ssh, wsproxy</text>
</svg>`);
