/** How the pages look: in both colour schemes, from 360 px on, without anything from elsewhere. */
export const STYLE = `
:root { color-scheme: light dark;
  --text: #1a2029; --soft: #525c69; --line: #d8dde4; --page: #f5f6f8; --card: #fff; --link: #1257b0; --mark: #1257b0;
  --good: #17602e; --good-page: #e2f4e7; --busy: #744900; --busy-page: #fcefc9; --bad: #a01528; --bad-page: #fde7e9;
  --bad-line: #c8394b; --busy-line: #b98a1e; --good-line: #3c9a58; }
@media (prefers-color-scheme: dark) { :root {
  --text: #e3e8ef; --soft: #a0abb9; --line: #2c3541; --page: #0e1217; --card: #161c24; --link: #86b9ff; --mark: #86b9ff;
  --good: #84dc9b; --good-page: #12321d; --busy: #f0c963; --busy-page: #372b0c; --bad: #ffa29c; --bad-page: #46161b;
  --bad-line: #e05a63; --busy-line: #c39a35; --good-line: #4fb56d; } }
*, ::before, ::after { box-sizing: border-box; }
html { scroll-padding-top: 4rem; }
body { margin: 0; color: var(--text); background: var(--page); font: 15px/1.5 system-ui, -apple-system, 'Segoe UI', sans-serif;
  overflow-wrap: anywhere; }
a { color: var(--link); text-decoration: none; }
a:hover, main p a, main li a, footer a { text-decoration: underline; text-underline-offset: .15em; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; border-radius: 3px; }
main:focus { outline: none; }
.skip { position: absolute; left: -99rem; }
.skip:focus { left: .5rem; top: .5rem; z-index: 2; background: var(--card); padding: .4rem .8rem; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }

.top { display: flex; flex-wrap: wrap; align-items: center; gap: .2rem 1.5rem; padding: .5rem 1rem;
  background: var(--card); border-bottom: 1px solid var(--line); }
.brand { font-weight: 700; color: var(--text); }
.top ul { display: flex; flex-wrap: wrap; gap: 0 .2rem; list-style: none; margin: 0; padding: 0; }
.top nav a { display: block; padding: .3rem .6rem; border-radius: 5px; color: var(--soft); }
.top nav a:hover { background: var(--page); color: var(--text); text-decoration: none; }
.top nav a[aria-current] { color: var(--text); background: var(--page); font-weight: 600; box-shadow: inset 0 -2px var(--link); }
.live { display: flex; flex-wrap: wrap; align-items: center; gap: .3rem .8rem; margin-left: auto; color: var(--soft); font-size: .87rem; }
.live.late { color: var(--bad); }

main, footer { max-width: 110rem; margin: 0 auto; padding: 1rem; }
main { display: grid; gap: 1rem; grid-template-columns: minmax(0, 1fr); }
footer { color: var(--soft); font-size: .87rem; padding-bottom: 3rem; }
h1 { font-size: 1.45rem; line-height: 1.25; margin: 0; }
h2 { font-size: 1.05rem; margin: 0; }
h3 { font-size: 1rem; margin: 0; } table + h3 { margin-top: 1.2rem; }
p { margin: .4rem 0; max-width: 80ch; }
.crumbs { margin: 0; color: var(--soft); font-size: .87rem; }
.title { display: flex; flex-wrap: wrap; align-items: center; gap: .4rem .8rem; }
.soft, .note { color: var(--soft); }
section, .card { min-width: 0; background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: .9rem 1rem; container-type: inline-size; }
.head { display: flex; flex-wrap: wrap; justify-content: space-between; align-items: baseline; gap: .2rem 1rem; margin-bottom: .5rem; }
.columns, .column { display: grid; gap: 1rem; grid-template-columns: minmax(0, 1fr); }
@media (min-width: 150rem) { main:has(.columns), main:has(.columns) + footer { max-width: 158rem; } .columns { grid-template-columns: repeat(2, minmax(0, 1fr)); align-items: start; } }

.notice { border-left: 4px solid var(--busy-line); background: var(--busy-page); color: var(--text); border-radius: 6px; padding: .6rem .9rem; margin: 0; }
.notice.bad { border-color: var(--bad-line); background: var(--bad-page); }
.notice.good { border-color: var(--good-line); background: var(--good-page); }
.notice p { margin: 0; }
.headline { border-left: 6px solid var(--good-line); background: var(--card); border-radius: 8px; padding: .9rem 1rem;
  border-top: 1px solid var(--line); border-right: 1px solid var(--line); border-bottom: 1px solid var(--line); }
.headline.bad { border-left-color: var(--bad-line); } .headline.bad h1 { color: var(--bad); }
.headline.busy { border-left-color: var(--busy-line); } .headline.busy h1 { color: var(--busy); }
.headline.good h1 { color: var(--good); }
.troubles { list-style: none; margin: .6rem 0 0; padding: 0; display: grid; }
.troubles li { display: grid; grid-template-columns: 7.5rem minmax(0, 1fr); gap: .2rem .8rem; padding: .4rem 0; border-top: 1px solid var(--line); }
@media (max-width: 40rem) { .troubles li { grid-template-columns: minmax(0, 1fr); } }

.badge { display: inline-block; padding: .05em .6em; border-radius: 1em; font-size: .85rem; white-space: nowrap; font-weight: 600; }
.badge.good { color: var(--good); background: var(--good-page); }
.badge.busy { color: var(--busy); background: var(--busy-page); }
.badge.bad { color: var(--bad); background: var(--bad-page); }
.badge.quiet { color: var(--soft); background: var(--page); }
.badges { display: flex; flex-wrap: wrap; gap: .25rem .4rem; }
.name, code { overflow-wrap: anywhere; }
code, pre, .name { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace; font-size: .9em; }
h1 .name { font-size: 1em; }
pre { margin: .3rem 0 0; padding: .8rem; background: var(--page); border: 1px solid var(--line); border-radius: 6px; white-space: pre-wrap; overflow-wrap: anywhere; max-height: 40rem; overflow-y: auto; }
time, .whole { white-space: nowrap; font-variant-numeric: tabular-nums; }
.why { color: var(--soft); }

table { border-collapse: collapse; width: 100%; }
caption { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
th, td { text-align: left; vertical-align: top; padding: .4rem .9rem .4rem 0; border-top: 1px solid var(--line); }
thead th { border-top: 0; color: var(--soft); font-weight: 600; font-size: .85rem; white-space: nowrap; }
td { font-variant-numeric: tabular-nums; }
td:last-child, th:last-child { padding-right: 0; }
td > div { min-width: 5.5rem; }
td.wide > div { min-width: 15rem; }
td.middle > div { min-width: 11rem; }
td.number, th.number { text-align: right; padding-right: 2rem; } td.number > div { min-width: 3rem; }
@container (max-width: 66rem) {
  table, tbody, tr, td { display: block; }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  tr { border-top: 1px solid var(--line); padding: .45rem 0; }
  td { display: grid; grid-template-columns: minmax(6rem, 9rem) minmax(0, 1fr); gap: .6rem; border: 0; padding: .12rem 0; }
  td::before { content: attr(data-head); color: var(--soft); font-size: .87rem; }
  td.number, th.number { text-align: left; } td > div, td.wide > div, td.middle > div { min-width: 0; }
  td:not(:first-child):has(> div:empty, .why:only-child:empty) { display: none; }
}
@container (max-width: 26rem) { td { grid-template-columns: 5.2rem minmax(0, 1fr); } }

.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 22rem), 1fr)); gap: .5rem 1.5rem; margin: 0; }
.facts dt, .tiles dt { color: var(--soft); font-size: .87rem; }
.facts dd { margin: 0; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .8rem; margin: 0; }
.tiles div { border-left: 3px solid var(--line); padding-left: .7rem; }
.tiles dd { margin: 0; font-size: 1.35rem; font-variant-numeric: tabular-nums; }
.meter { display: block; width: 100%; max-width: 9rem; height: .5rem; margin-top: .35rem; }
.meter .all { fill: var(--line); } .meter .good { fill: var(--good-line); } .meter .busy { fill: var(--busy-line); } .meter .bad { fill: var(--bad-line); }

.timeline, .tree, .tree ul { list-style: none; margin: 0; padding: 0; }
.timeline > li { padding: .7rem 0; border-top: 1px solid var(--line); }
ol p { max-width: none; }
.timeline > li:first-child { border-top: 0; padding-top: 0; }
.steps { list-style: none; margin: .4rem 0 0 .35rem; padding: 0 0 0 1rem; border-left: 2px solid var(--line); }
.steps li { position: relative; padding: .15rem 0; display: flex; flex-wrap: wrap; gap: 0 .8rem; align-items: baseline; }
.steps li::before { content: ''; position: absolute; left: calc(-1rem - 6px); top: .6rem; width: 10px; height: 10px; border-radius: 50%; background: var(--soft); border: 2px solid var(--card); }
.steps li.good::before { background: var(--good-line); } .steps li.bad::before { background: var(--bad-line); } .steps li.busy::before { background: var(--busy-line); }
.steps p { flex-basis: 100%; margin: 0; }
.story > li { display: block; padding: .35rem 0; }
.story h3 { font-size: .95rem; }
.suspects { margin: .2rem 0; padding-left: 1.4rem; flex-basis: 100%; }
.tree ul { margin-left: .4rem; padding-left: 1.1rem; border-left: 2px solid var(--line); }
@media (max-width: 40rem) { .tree ul { padding-left: .6rem; margin-left: .2rem; } }
.tree li { padding: .35rem 0; }
.node { display: flex; flex-wrap: wrap; gap: .1rem .8rem; align-items: baseline; }

figure { margin: 1.2rem 0; }
figcaption { color: var(--soft); font-size: .87rem; margin-bottom: .3rem; max-width: 90ch; }
.plot { display: grid; grid-template-columns: auto minmax(0, 1fr); gap: .1rem .5rem; }
.plot .y { display: flex; flex-direction: column; justify-content: space-between; text-align: right; }
.plot .y, .plot .x { color: var(--soft); font-size: .8rem; font-variant-numeric: tabular-nums; }
.plot .x { grid-column: 2; display: flex; justify-content: space-between; flex-wrap: wrap; gap: 0 1rem; }
.chart { display: block; width: 100%; height: 10rem; background: var(--page); border-radius: 4px; }
.chart line, .chart polyline { vector-effect: non-scaling-stroke; }
.chart .zero { stroke: var(--bad-line); stroke-dasharray: 4 3; }
.chart .line { fill: none; stroke: var(--mark); stroke-width: 2; stroke-linejoin: round; } .chart .area { fill: var(--mark); opacity: .13; }
.chart .bar { fill: var(--mark); } .chart .bar.bad { fill: var(--bad-line); } .chart .bar.busy { fill: var(--busy-line); }
.chart .limit { stroke: var(--busy-line); stroke-dasharray: 4 3; } .chart .limit.bad { stroke: var(--bad-line); }
.chart .release { stroke: var(--good-line); stroke-width: 1.5; } .chart .rollback { stroke: var(--bad-line); stroke-width: 1.5; stroke-dasharray: 3 2; }
.chart .frozen { fill: var(--bad-line); opacity: .18; } .chart .onset { fill: var(--busy-line); opacity: .3; }
.legend { display: flex; flex-wrap: wrap; gap: .1rem 1.2rem; list-style: none; margin: .3rem 0 0; padding: 0; color: var(--soft); font-size: .87rem; }
.legend .chart { display: inline-block; width: 18px; height: 12px; vertical-align: -1px; margin-right: .35rem; }

form { margin: 0; }
.act { border-top: 1px solid var(--line); padding-top: .7rem; margin-top: .7rem; display: grid; gap: .5rem; max-width: 44rem; }
.act:first-of-type { border-top: 0; padding-top: 0; margin-top: 0; }
label { display: block; font-weight: 600; font-size: .9rem; }
input, select, textarea, button { font: inherit; color: inherit; }
input[type=text], input[type=search], select, textarea { width: 100%; padding: .35rem .6rem; background: var(--page); border: 1px solid var(--soft); border-radius: 5px; }
button { cursor: pointer; padding: .35rem .9rem; border: 1px solid var(--soft); border-radius: 5px; background: var(--card); justify-self: start; }
button:hover { border-color: var(--link); }
button.strong { background: var(--link); border-color: var(--link); color: var(--card); font-weight: 600; }
button.danger { border-color: var(--bad-line); color: var(--bad); font-weight: 600; }
.live button { padding: .1rem .6rem; }
.filters { display: flex; flex-wrap: wrap; gap: .5rem .8rem; align-items: end; margin-bottom: .6rem; }
.filters div { flex: 1 1 12rem; max-width: 26rem; }
.pager { margin: .7rem 0 0; }
details > summary { cursor: pointer; color: var(--link); }
@media print { .top, .act, .live { display: none; } }
`;
