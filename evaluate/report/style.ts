/** Of the page: light, dark and on paper. */
export const STYLE = `
  :root { color-scheme: light dark; }
  body { font: 1rem/1.5 system-ui, sans-serif; max-width: 66rem; margin: 0 auto; padding: 2rem 1rem; background: light-dark(#fff, #14181d); color: light-dark(#1a1f26, #e6e9ee); }
  h1 { margin: 0; font-size: 1.5rem; } h2 { font-size: 1.15rem; margin: 2.2rem 0 0; } h3 { font-size: 1rem; margin: 1.2rem 0 .3rem; }
  p { margin: .2rem 0 .8rem; } section > p, h1 + p, small { color: light-dark(#59626e, #9aa4b1); } h3 small { font-weight: 400; }
  code { overflow-wrap: anywhere; font-size: .85em; }
  .row { display: flex; flex-wrap: wrap; gap: 1.5rem; align-items: flex-start; } img { image-rendering: pixelated; max-width: 100%; height: auto; } svg { max-width: 100%; height: auto; }
  .scroll { overflow-x: auto; max-width: 100%; } .half { flex: 1 1 26rem; min-width: 0; } .headline { font-size: 1.1rem; font-weight: 600; margin: .3rem 0; } table { border-collapse: collapse; font-size: .92rem; } td, th { padding: .3rem .8rem; border-bottom: 1px solid light-dark(#d5d9df, #3a414b); text-align: right; vertical-align: top; } td:first-child, th:first-child { text-align: left; padding-left: 0; } table:not(.wide) td:first-child { max-width: 30rem; } .text td { text-align: left; } .over td { border: 0; padding-top: .8rem; font-weight: 600; } .over small { font-weight: 400; }
  td small { white-space: nowrap; } td:first-child small { white-space: normal; } td small.paper { display: block; color: light-dark(#1d4ed8, #93b4ff); } [data-rate] small { display: block; }
  .verdict { border-left: 6px solid light-dark(#59626e, #9aa4b1); padding: .6rem 1rem; margin: 1rem 0; background: light-dark(#f5f6f8, #1c2127); } .verdict.bad { border-color: #b91c1c; } .verdict h2 { margin: 0 0 .4rem; }
  .loud { color: light-dark(#b91c1c, #ff8a80); } .verdict p.loud { font-weight: 600; }
  .gallery { gap: .8rem; } figure { margin: 0; width: 7rem; } figcaption { font-size: .75rem; line-height: 1.35; } ul { padding-left: 1.2rem; }
  @media print { :root { color-scheme: light; font-size: 10px; } body { max-width: none; padding: 0; font-size: 1.1rem; } .row > svg { max-width: 48%; } td, th { padding-inline: .5rem; } h2, h3 { break-after: avoid; } tr, figure, svg, .verdict { break-inside: avoid; } .scroll { overflow: visible; } .row { gap: .8rem; } }
`;
