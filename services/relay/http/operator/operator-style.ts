// The style of the operator's page: dense, calm, its numbers in columns, in the colours of the usage page.
import { PALETTES, type Palette } from '../usage/style.ts';

function variables(palette: Palette): string {
  return Object.entries(palette)
    .map(([name, color]) => `--${name}:${color}`)
    .join(';');
}

export const OPERATOR_STYLE = `
:root{${variables(PALETTES.light)};--hover:#eef3f1;--bar:#9cc7c0;color-scheme:light}
@media (prefers-color-scheme:dark){:root{${variables(PALETTES.dark)};--hover:#1b2321;--bar:#2f6b63;color-scheme:dark}}
*{box-sizing:border-box}
[hidden]{display:none!important}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%;overflow-y:scroll}
body{margin:0;background:var(--page);color:var(--text);font:.875rem/1.45 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,"Noto Sans",sans-serif}
.wrap{max-width:96rem;margin:0 auto;padding:0 1.5rem}
a{color:var(--accent);text-underline-offset:.2em}
:focus-visible{outline:2px solid var(--accent);outline-offset:1px;border-radius:.2rem}
code,.mono{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono","DejaVu Sans Mono",monospace;font-size:.93em;font-variant-ligatures:none}
.muted{color:var(--muted)}
.unseen{position:absolute;width:1px;height:1px;margin:-1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
header.top{background:var(--panel);border-bottom:1px solid var(--line)}
header.top .wrap{display:flex;flex-wrap:wrap;align-items:center;gap:.5rem 1rem;padding-top:.6rem;padding-bottom:.6rem}
.brand{display:flex;align-items:center;gap:.5rem;font-weight:650;font-size:1rem;margin:0}
.mark{color:var(--accent);flex:none}
.brand span{font-weight:450;color:var(--muted)}
.who{margin-left:auto;display:flex;align-items:center;gap:.5rem}
.who label{color:var(--muted)}
.state{display:inline-flex;align-items:center;gap:.4rem;color:var(--muted);font-size:.8125rem}
.state::before{content:"";width:.5rem;height:.5rem;border-radius:50%;background:var(--muted)}
.state[data-kind=good]::before{background:var(--accent)}
.state[data-kind=bad]{color:var(--alert)}
.state[data-kind=bad]::before{background:var(--alert)}
input,select{font:inherit;color:var(--text);background:var(--page);border:1px solid var(--line);border-radius:.375rem;padding:.3rem .55rem;min-height:2rem}
input:hover,select:hover{border-color:var(--muted)}
input::placeholder{color:var(--muted);opacity:1}
button,.button{font:inherit;font-weight:550;cursor:pointer;min-height:2rem;padding:.3rem .8rem;border-radius:.375rem;border:1px solid var(--line);background:var(--panel);color:var(--text);text-decoration:none}
button:hover{border-color:var(--accent);color:var(--accent)}
button:disabled{opacity:.5;cursor:progress}
button.main{background:var(--accent);border-color:var(--accent);color:var(--panel)}
button.main:hover{filter:brightness(1.08);color:var(--panel)}
button.bad{color:var(--alert)}
button.bad:hover{border-color:var(--alert);color:var(--alert)}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr));gap:0;margin:1rem 0;padding:0;list-style:none;background:var(--panel);border:1px solid var(--line);border-radius:.6rem;overflow:hidden}
.figures li{padding:.65rem .95rem .7rem;box-shadow:1px 1px 0 0 var(--line)}
.figures b{display:block;font-size:1.35rem;font-weight:600;line-height:1.25;letter-spacing:-.01em;font-variant-numeric:tabular-nums}
.figures span{color:var(--muted);font-size:.8125rem}
.figures .warn b{color:var(--alert)}
.note{margin:1rem 0;padding:.55rem .85rem;border-left:3px solid var(--alert);background:var(--alertPanel);color:var(--alert);border-radius:0 .375rem .375rem 0}
#notice{position:sticky;top:.5rem;z-index:3;margin:.75rem 0 0;padding:.55rem .85rem;border-radius:.375rem;border:1px solid var(--accent);background:var(--panel);color:var(--text)}
#notice[data-kind=bad]{border-color:var(--alert);color:var(--alert);background:var(--alertPanel)}
nav.tabs{display:flex;gap:.15rem;overflow-x:auto;border-bottom:1px solid var(--line)}
nav.tabs a{flex:none;padding:.5rem .8rem;margin-bottom:-1px;color:var(--muted);text-decoration:none;border-bottom:2px solid transparent;font-weight:550}
nav.tabs a:hover{color:var(--text)}
nav.tabs a[aria-current]{color:var(--text);border-color:var(--accent)}
nav.tabs small{font-weight:450;color:var(--muted);font-size:.8125rem;font-variant-numeric:tabular-nums;margin-left:.25rem}
.bar{display:flex;flex-wrap:wrap;align-items:center;gap:.6rem;margin:0;padding:1rem 0 0}
.bar input[type=search]{flex:1 1 18rem;max-width:34rem}
.bar kbd{font:inherit;font-size:.75rem;color:var(--muted);border:1px solid var(--line);border-radius:.25rem;padding:.05rem .35rem}
.panel{margin:.75rem 0 0;background:var(--panel);border:1px solid var(--line);border-radius:.6rem}
.scroll{position:relative;overflow-x:auto;border-radius:.6rem}
.scroll:has(details[open]){padding-bottom:8rem}
table{width:100%;border-collapse:separate;border-spacing:0}
caption{text-align:left}
th{text-align:left;font-weight:550;font-size:.8125rem;color:var(--muted);white-space:nowrap;padding:.5rem .65rem;border-bottom:1px solid var(--line)}
th a{color:inherit;text-decoration:none}
th a:hover{color:var(--text)}
th[aria-sort] a{color:var(--text)}
th[aria-sort=ascending] a::after{content:" \\2191" / ""}
th[aria-sort=descending] a::after{content:" \\2193" / ""}
td{padding:.36rem .65rem;border-bottom:1px solid var(--line);vertical-align:middle;white-space:nowrap}
tbody tr:last-child td{border-bottom:0}
tbody tr:hover td{background:var(--hover)}
.num{text-align:right;font-variant-numeric:tabular-nums}
td.name{max-width:19rem;overflow:hidden;text-overflow:ellipsis}
td.sub{max-width:12rem;overflow:hidden;text-overflow:ellipsis}
td.why{white-space:normal;min-width:10rem;overflow-wrap:anywhere}
td.act{width:1%;text-align:right;padding-left:.25rem;padding-right:.5rem}
td.stay{position:sticky;right:0;background:var(--panel)}
td.stay:has(details[open]){z-index:2}
.tag{display:inline-block;padding:.02rem .45rem;border-radius:1rem;background:var(--code);color:var(--muted);font-size:.8125rem}
.tag.bad{background:var(--alertPanel);color:var(--alert)}
.meter{display:block;width:9rem;height:.5rem;border-radius:.25rem;overflow:hidden}
.meter .ground{fill:var(--code)}
.meter .fill{fill:var(--accent)}
.meter .full{fill:var(--alert)}
.spark{display:block;width:15rem;height:1.75rem}
.spark rect{fill:var(--accent)}
.spark line{stroke:var(--line)}
.empty{padding:2.75rem 1rem 3rem;text-align:center;color:var(--muted)}
.empty strong{display:block;color:var(--text);font-weight:600;font-size:1rem;margin-bottom:.2rem}
.foot{display:flex;flex-wrap:wrap;align-items:center;justify-content:space-between;gap:.5rem 1rem;padding:.75rem 0 0;color:var(--muted);font-variant-numeric:tabular-nums}
.foot nav{display:flex;gap:.9rem}
details.menu{position:relative;display:inline-block;text-align:left}
details.menu summary{list-style:none;cursor:pointer;padding:0 .5rem;border-radius:.3rem;color:var(--muted);line-height:1.35rem;font-weight:700;letter-spacing:.05em}
details.menu summary::-webkit-details-marker{display:none}
details.menu summary:hover,details.menu[open] summary{background:var(--code);color:var(--text)}
.sheet{position:absolute;right:0;top:calc(100% + .25rem);z-index:2;min-width:16rem;padding:.35rem;background:var(--panel);border:1px solid var(--line);border-radius:.5rem;box-shadow:0 8px 24px rgb(0 0 0/.16)}
.sheet form{margin:0}
.sheet button,.sheet a{display:block;width:100%;text-align:left;border:0;background:none;padding:.4rem .6rem;border-radius:.3rem;color:var(--text);font-weight:450;text-decoration:none;min-height:0}
.sheet button.bad{color:var(--alert)}
.sheet button:hover,.sheet a:hover{background:var(--hover)}
form.add{display:grid;grid-template-columns:minmax(14rem,2fr) auto minmax(12rem,3fr) auto;gap:.6rem .75rem;align-items:end;padding:.9rem .95rem 1rem}
form.add label{display:block;font-size:.8125rem;color:var(--muted);margin-bottom:.2rem}
form.add input[type=text],form.add select{width:100%}
form.add .check{grid-column:1/-1;display:flex;align-items:center;gap:.45rem;color:var(--text);font-size:.875rem;margin:0}
form.add .check input{min-height:0}
.hint{color:var(--muted);font-size:.8125rem;margin:.75rem 0 0;max-width:60rem}
.bottom{padding-bottom:3rem}
@media (max-width:48rem){.wrap{padding:0 .9rem}.who{margin-left:0}form.add{grid-template-columns:1fr}}
@media (prefers-reduced-motion:no-preference){button,a{transition:color .12s,border-color .12s}}
`;
