import * as vega from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';

/** A Vega-Lite specification as SVG text, on a white or dark page alike. */
export async function chart(spec: TopLevelSpec): Promise<string> {
  const config = {
    background: 'transparent',
    axis: { labelColor: '#777', titleColor: '#777', gridColor: '#77777740', domainColor: '#777', tickColor: '#777' },
    view: { stroke: '#77777740' },
    title: { color: '#777' },
    legend: { labelColor: '#777', titleColor: '#777' },
  };
  const view = new vega.View(vega.parse(compile({ config, ...spec }).spec), { renderer: 'none', logLevel: vega.Error });
  const svg = await view.toSVG();
  view.finalize();
  return svg;
}
