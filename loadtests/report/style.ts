/** Of every page; light or dark as the reader's system is, and the same on paper. */
export const style = `
:root { color-scheme: light dark; --text: #1c2024; --dim: #60646c; --line: #d9d9e0; --back: #fff; --good: #18794e; --bad: #c62a2f; --open: #946800;
  --s0: #0b68cb; --s1: #d9480f; --s2: #2b8a3e; --s3: #7048e8; --s4: #a61e4d; --s5: #5c677d; --s6: #087f8c; --s7: #8f5a00; }
@media (prefers-color-scheme: dark) { :root { --text: #edeef0; --dim: #b0b4ba; --line: #43484e; --back: #111113; --good: #3dd68c; --bad: #ff9592; --open: #ffca16;
  --s0: #70b8ff; --s1: #ffa057; --s2: #71d083; --s3: #baa7ff; --s4: #ff92ad; --s5: #b0b4ba; --s6: #4ccce6; --s7: #ffca16; } }
body { margin: 2rem auto; max-width: 72rem; padding: 0 1rem; font: 15px/1.5 system-ui, sans-serif; color: var(--text); background: var(--back); }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid var(--line); vertical-align: top; white-space: nowrap; }
th { color: var(--dim); font-weight: 600; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; margin: 0; } dt { color: var(--dim); } dd { margin: 0; overflow-wrap: anywhere; }
.badge { font-weight: 600; } .good { color: var(--good); } .bad { color: var(--bad); } .open { color: var(--open); }
figure { margin: 1rem 0; break-inside: avoid; } figcaption { font-weight: 600; }
svg { width: 100%; height: auto; } svg text { font: 11px system-ui, sans-serif; fill: var(--dim); }
.grid { stroke: var(--line); } .limit { stroke: var(--bad); stroke-dasharray: 6 4; } .mark { stroke: var(--dim); stroke-dasharray: 2 3; } .span { fill: var(--open); opacity: .15; }
.series { fill: none; stroke-width: 1.6; stroke-linejoin: round; }
.legend { color: var(--dim); font-size: .85rem; } .legend span { margin-right: 1rem; white-space: nowrap; } .legend i { display: inline-block; width: 1.2rem; height: 0; margin-right: .35rem; vertical-align: middle; border-top: 3px solid; }
`;
