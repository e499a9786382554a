/** How the pages look: in both colour schemes, without anything from elsewhere. */
export const STYLE = `
:root { color-scheme: light dark; --text: #1b1f24; --soft: #57606a; --line: #d0d7de; --page: #fff; --card: #f6f8fa;
  --good: #116329; --good-page: #dafbe1; --busy: #7a4e00; --busy-page: #fff3c4; --bad: #a40e26; --bad-page: #ffebe9; }
@media (prefers-color-scheme: dark) { :root { --text: #e6edf3; --soft: #9198a1; --line: #30363d; --page: #0d1117; --card: #161b22;
  --good: #7ee787; --good-page: #12361f; --busy: #f2cc60; --busy-page: #3a2d0b; --bad: #ffa198; --bad-page: #4b1113; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem 1.5rem 3rem; max-width: 100rem; color: var(--text); background: var(--page);
  font: 15px/1.45 system-ui, sans-serif; }
header { display: flex; flex-wrap: wrap; align-items: baseline; justify-content: space-between; gap: 0 2rem; }
h1 { font-size: 1.4rem; margin: 0; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
header p, .note { color: var(--soft); margin: .3rem 0; }
.dependencies { list-style: none; display: flex; flex-wrap: wrap; gap: .3rem 1.5rem; padding: 0; margin: .5rem 0 1rem; color: var(--soft); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: .8rem; margin: 0; }
.tiles div { background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: .7rem 1rem; }
dt { color: var(--soft); font-size: .85rem; }
dd { margin: 0; font-size: 1.5rem; font-variant-numeric: tabular-nums; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; min-width: 62rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem .8rem .35rem 0; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 600; font-size: .85rem; white-space: nowrap; }
td { font-variant-numeric: tabular-nums; }
time, .whole { white-space: nowrap; }
code { font: .85em ui-monospace, monospace; overflow-wrap: anywhere; }
td code { display: inline-block; min-width: 11rem; }
.why { color: var(--soft); overflow-wrap: anywhere; }
.badge { display: inline-block; padding: 0 .5em; border-radius: 1em; font-size: .85rem; white-space: nowrap; border: 1px solid transparent; }
.good { color: var(--good); background: var(--good-page); }
.busy { color: var(--busy); background: var(--busy-page); }
.bad { color: var(--bad); background: var(--bad-page); }
.quiet { color: var(--soft); background: var(--card); border-color: var(--line); }
meter { width: 6rem; background: none; }
`;
