import * as vega from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';
import type { Findings } from './findings.ts';

/** Renders a Vega-Lite specification as SVG, for light and dark pages. */
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

type Metrics = Record<string, number>[];

export function lossChart(metrics: Metrics): Promise<string> {
  const values = metrics.flatMap(({ epoch, reconstruction, total, validationLoss }) => [
    { epoch, part: 'reconstruction', loss: reconstruction ?? 0 },
    { epoch, part: 'latent, weighted', loss: (total ?? 0) - (reconstruction ?? 0) },
    { epoch, part: 'validation, both', loss: validationLoss ?? 0 },
  ]);
  // With variable entropy the latent loss may be below zero, where there is no logarithm.
  const shown = values.filter(({ loss }) => loss > 0);
  return overEpochs(shown, { y: { field: 'loss', type: 'quantitative', scale: { type: 'log' } }, color: { field: 'part', title: null } });
}

export function accuracyChart(metrics: Metrics): Promise<string> {
  return overEpochs(metrics, {
    y: { field: 'validationAccuracy', type: 'quantitative', scale: { zero: false }, title: 'validation accuracy' },
  });
}

function overEpochs(values: object[], encoding: object): Promise<string> {
  const x = { field: 'epoch', type: 'quantitative' as const, axis: { tickMinStep: 1, format: 'd' } };
  return chart({ data: { values }, width: 380, height: 180, mark: { type: 'line', point: true }, encoding: { x, ...encoding } });
}

/** Draws a histogram of a score over all test images, with the threshold of each class. */
export function scoreChart(
  name: 'latentDistance' | 'reconstructionError',
  { scores, labels }: Findings,
  thresholds: number[],
): Promise<string> {
  const title = { latentDistance: 'Latent distance', reconstructionError: 'Reconstruction error' }[name];
  const logarithm = (value: number) => Math.log10(Math.max(value, 1e-3));
  const values = scores.map((score, i) => ({ value: logarithm(score[name]), right: score.label === labels[i] ? 'right' : 'wrong' }));
  return chart({
    ...{ title, width: 380, height: 180 },
    layer: [
      {
        data: { values },
        mark: { type: 'bar', opacity: 0.8 },
        encoding: {
          x: { field: 'value', bin: { maxbins: 60 }, title: `log10 of the ${title.toLowerCase()}` },
          y: { aggregate: 'count', scale: { type: 'symlog' }, title: 'images' },
          color: { field: 'right', scale: { domain: ['right', 'wrong'], range: ['#4c78a8', '#e45756'] }, title: 'label' },
        },
      },
      {
        data: { values: thresholds.map((value) => ({ value: logarithm(value) })) },
        mark: { type: 'rule', strokeDash: [3, 3], color: '#f58518' },
        encoding: { x: { field: 'value', type: 'quantitative' } },
      },
    ],
  });
}

export function reliabilityChart(reliability: Findings['reliability']): Promise<string> {
  const values = reliability.flatMap(({ alpha, overall, worstClass }) => [
    { alpha, rate: overall, of: 'all classes' },
    { alpha, rate: worstClass, of: 'the worst class' },
  ]);
  const most = Math.max(0.01, ...values.map(({ rate, alpha }) => Math.max(rate, alpha)));
  const scale = { domain: [0, most] };
  return chart({
    ...{ width: 380, height: 260 },
    layer: [
      {
        data: { values },
        mark: { type: 'line', point: true },
        encoding: {
          x: { field: 'alpha', type: 'quantitative', title: 'rejection rate asked for', scale },
          y: { field: 'rate', type: 'quantitative', title: 'test images rejected', scale },
          color: { field: 'of', title: null },
        },
      },
      {
        data: { values: [0, most].map((at) => ({ at })) },
        mark: { type: 'line', strokeDash: [4, 4], color: '#777' },
        encoding: { x: { field: 'at', type: 'quantitative' }, y: { field: 'at', type: 'quantitative' } },
      },
    ],
  });
}

export function confusionChart(confusion: Findings['confusion'], classes: string[]): Promise<string> {
  const axis = (field: string, title: string) => ({ field, type: 'nominal' as const, sort: classes, scale: { domain: classes }, title });
  return chart({
    data: { values: confusion },
    encoding: { x: axis('label', 'label'), y: axis('truth', 'true class') },
    layer: [
      {
        mark: 'rect',
        encoding: { color: { field: 'count', type: 'quantitative', scale: { type: 'log', scheme: 'blues' }, legend: null } },
      },
      ...(classes.length <= 15 ? [{ mark: { type: 'text' as const, fontSize: 9 }, encoding: { text: { field: 'count' } } }] : []),
    ],
  });
}

export function planeChart(plane: Findings['plane'], classes: number): Promise<string> {
  return chart({
    ...{ data: { values: plane }, width: 480, height: 360 },
    mark: { type: 'circle', size: 12, opacity: 0.6 },
    encoding: {
      x: { field: 'x', type: 'quantitative', title: null },
      y: { field: 'y', type: 'quantitative', title: null },
      color: {
        field: 'truth',
        title: null,
        scale: { scheme: classes <= 10 ? 'tableau10' : 'tableau20' },
        legend: classes <= 20 ? {} : null,
      },
    },
  });
}
