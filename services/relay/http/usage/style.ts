// The style of the usage page: quiet, readable on a phone, light and dark.

export type ColorName =
  | 'page'
  | 'panel'
  | 'code'
  | 'line'
  | 'shade'
  | 'text'
  | 'muted'
  | 'accent'
  | 'gap'
  | 'alert'
  | 'alertPanel';

export type Palette = Readonly<Record<ColorName, string>>;

/** Every text colour reaches 4.5:1 on every ground it stands on (WCAG 2.2 AA); a test computes that. */
export const PALETTES: Readonly<Record<'light' | 'dark', Palette>> = {
  light: {
    page: '#f8f9f8',
    panel: '#ffffff',
    code: '#f1f4f3',
    line: '#d9dfdc',
    shade: '#7d8a86',
    text: '#1a2220',
    muted: '#55625e',
    accent: '#0b6b64',
    gap: '#d7efeb',
    alert: '#8f3a0c',
    alertPanel: '#fdf1e7',
  },
  dark: {
    page: '#101514',
    panel: '#171d1c',
    code: '#1d2523',
    line: '#2f3a37',
    shade: '#000000',
    text: '#e4eae8',
    muted: '#9fada9',
    accent: '#6fd0c4',
    gap: '#1f4540',
    alert: '#f5b78a',
    alertPanel: '#2c1f16',
  },
};

function variables(palette: Palette): string {
  return Object.entries(palette)
    .map(([name, color]) => `--${name}:${color}`)
    .join(';');
}

export const PAGE_STYLE = `
:root{${variables(PALETTES.light)};color-scheme:light}
@media (prefers-color-scheme:dark){:root{${variables(PALETTES.dark)};color-scheme:dark}}
*{box-sizing:border-box}
html{scroll-padding-top:1rem;-webkit-text-size-adjust:100%;text-size-adjust:100%}
@media (prefers-reduced-motion:no-preference){html{scroll-behavior:smooth}}
body{margin:0 auto;padding:1rem 1.25rem 5rem;max-width:56rem;background:var(--page);color:var(--text);
 font:1rem/1.6 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,"Noto Sans",sans-serif;overflow-wrap:break-word}
code,pre,input{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono","DejaVu Sans Mono",monospace;font-variant-ligatures:none}
a{color:var(--accent);text-underline-offset:.2em}
p{margin:.6rem 0;max-width:44rem}
h1,h2{line-height:1.2;letter-spacing:-.015em;text-wrap:balance}
h1{font-size:clamp(1.5rem,4vw,2rem);margin:.7rem 0 .3rem;font-weight:680}
h2{font-size:1.35rem;margin:0 0 .5rem;font-weight:640}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
main:focus{outline:none}
.skip{position:absolute;left:-100vw}
.skip:focus{left:1rem;top:.5rem;padding:.4rem .8rem;background:var(--panel)}
.unseen{position:absolute;width:1px;height:1px;margin:-1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.brand{display:flex;align-items:center;gap:.55rem;font-weight:650;font-size:1.05rem;min-width:0}
.mark{color:var(--accent);flex:none}
.host{margin-left:auto;min-width:0;overflow-wrap:anywhere;text-align:right;font-weight:450;font-size:.875rem;color:var(--muted)}
.summary{margin:.3rem 0 .9rem;max-width:none;color:var(--muted)}
.diagram{display:block;width:100%;max-width:33rem;height:auto;margin:1rem 0;font:11px system-ui,sans-serif}
.diagram text{fill:var(--muted);text-anchor:middle}
.diagram .strong{fill:var(--text);font-weight:620;font-size:12px}
.box rect{fill:var(--panel);stroke:var(--line);stroke-width:1.2}
.wire path{fill:none;stroke:var(--muted);stroke-width:1.4;stroke-linecap:round;stroke-linejoin:round}
.tunnel{fill:none;stroke:var(--accent);stroke-width:2;stroke-dasharray:5 4}
.label{fill:var(--page)}
.warning{margin:0 0 1rem;padding:.75rem 1rem;border-left:3px solid var(--alert);background:var(--alertPanel);color:var(--alert);border-radius:0 .4rem .4rem 0;max-width:none}
.entry{margin:0;padding:.3rem 1rem;font-size:.925rem;border-left:3px solid var(--accent);background:var(--panel);color:var(--text);border-radius:0 .4rem .4rem 0;max-width:none}
.id-form{margin-top:1.25rem;padding:1.1rem 1.25rem 1rem;background:var(--panel);border:1px solid var(--line);border-radius:.75rem}
label{display:block;font-weight:620;margin-bottom:.4rem}
.row{display:flex;flex-wrap:wrap;gap:.6rem}
input:not([type=radio]){flex:1 1 14rem;min-width:0;min-height:2.75rem;padding:.45rem .75rem;font-size:1rem;color:var(--text);background:var(--page);border:1px solid var(--muted);border-radius:.45rem}
input::placeholder{color:var(--muted);opacity:1}
input[aria-invalid=true]{border-color:var(--alert)}
button{font:inherit;cursor:pointer;border-radius:.45rem;border:1px solid var(--line)}
.row button{min-height:2.75rem;padding:.45rem 1.1rem;font-weight:600;color:var(--panel);background:var(--accent);border-color:var(--accent)}
.row button:hover{filter:brightness(1.08)}
.message{margin:.5rem 0 0;color:var(--alert);font-weight:550}
.message:empty{margin:0}
.hint,.note{font-size:.925rem;color:var(--muted)}
.hint{margin:.5rem 0 0;max-width:none}
[hidden]{display:none!important}
.step{margin-top:1.1rem}
.step .head{display:flex;flex-wrap:wrap;align-items:center;gap:.3rem 1rem}
.step h2{margin:0;font-size:1.15rem}
.step .snippet{margin:.5rem 0 0}
.step .note{margin:.35rem 0 0;max-width:none}
.choice{display:flex;flex-wrap:wrap;gap:.3rem;margin:0;padding:0;border:0;min-width:0}
.choice label{position:relative;margin:0;font-weight:550}
.choice input{position:absolute;inset:0;margin:0;opacity:0;cursor:pointer}
.choice span{display:block;min-height:2rem;padding:.2rem .65rem;font-size:.9rem;border:1px solid var(--line);border-radius:.45rem;background:var(--panel)}
.choice input:hover+span{border-color:var(--accent)}
.choice input:checked+span{border-color:var(--accent);color:var(--panel);background:var(--accent);font-weight:600}
.choice input:focus-visible+span{outline:2px solid var(--accent);outline-offset:2px}
nav{margin:1rem 0 0}
nav ul{display:flex;flex-wrap:wrap;gap:.1rem 1.1rem;margin:0;padding:0;list-style:none;font-size:.95rem}
nav a{display:inline-block;padding:.3rem 0}
section{margin-top:3rem}
.snippet{position:relative;margin:.9rem 0;background:var(--code);border:1px solid var(--line);border-radius:.6rem}
[data-system]:not([data-system=all]) .tag{display:none}
figcaption .tag{white-space:nowrap;margin-left:.35rem;padding:.05rem .45rem;border:1px solid var(--line);border-radius:.3rem;font-size:.8rem}
figcaption{padding:.5rem 5.5rem .5rem 1rem;font-size:.85rem;color:var(--muted);border-bottom:1px solid var(--line);min-height:2.6rem}
pre{margin:0;padding:.7rem 1rem;overflow-x:auto;font-size:.875rem;line-height:1.65;tab-size:2;border-radius:0 0 .6rem .6rem}
.breaks{white-space:pre-wrap;overflow-wrap:anywhere}
pre:not(.breaks){background:linear-gradient(90deg,var(--code) 1rem,transparent) 0 0/3rem 100% no-repeat local,
 linear-gradient(-90deg,var(--code) 1rem,transparent) 100% 0/3rem 100% no-repeat local,
 linear-gradient(90deg,var(--shade),transparent) 0 0/1rem 100% no-repeat,linear-gradient(-90deg,var(--shade),transparent) 100% 0/1rem 100% no-repeat}
.gap{background:var(--gap);border-radius:.25rem;padding:.1em 0;box-decoration-break:clone;-webkit-box-decoration-break:clone}
:not(pre)>code{font-size:.88em;padding:.1em .3em;background:var(--code);border-radius:.3rem;display:inline-block;max-width:100%;line-height:1.45;overflow-wrap:anywhere}
.copy{position:absolute;top:.3rem;right:.35rem;min-width:4.6rem;min-height:2rem;padding:0 .7rem;font-size:.85rem;font-weight:550;color:var(--text);background:var(--panel)}
.copy:hover{border-color:var(--accent);color:var(--accent)}
.copy[data-state]{color:var(--accent);border-color:var(--accent)}
details{border-top:1px solid var(--line)}
details:last-of-type{border-bottom:1px solid var(--line)}
summary{padding:.75rem .25rem;font-weight:600;cursor:pointer}
summary:hover{color:var(--accent)}
details[open]{padding-bottom:.5rem}
dl{margin:1rem 0;border-top:1px solid var(--line)}
dl div{display:grid;grid-template-columns:minmax(0,15rem) minmax(0,1fr);gap:.1rem 1.25rem;padding:.6rem 0;border-bottom:1px solid var(--line)}
dt{font-weight:550}
dd{margin:0;color:var(--muted)}
@media (max-width:40rem){body{padding:1.5rem 1rem 4rem}dl div{grid-template-columns:1fr}.summary{font-size:1.05rem}section{margin-top:2.5rem}
 .row button{flex:1 1 auto}pre{font-size:.82rem}}
@media print{.copy,.id-form,.choice,nav{display:none}pre{white-space:pre-wrap}}
`;
