import * as vega from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';
import type { Thresholds } from '../../shared/bundle/screening-schema.ts';
import { SCORES, type ScoreName } from '../../shared/score-table.ts';
import type { Findings } from './findings.ts';

/** An encoding of numbers. */
export const quantitative = (field: string, title: string | null, more: object = {}) => ({
  field,
  type: 'quantitative' as const,
  title,
  ...more,
});

/** Renders a Vega-Lite specification as SVG, for light and dark pages. */
export async function chart(spec: TopLevelSpec): Promise<string> {
  const labels = { labelColor: '#777', titleColor: '#777' };
  const config = {
    ...{ background: 'transparent', view: { stroke: '#77777740' }, title: { color: '#777' }, legend: labels },
    axis: { ...labels, gridColor: '#77777740', domainColor: '#777', tickColor: '#777' },
  };
  const view = new vega.View(vega.parse(compile({ config, ...spec }).spec), { renderer: 'none', logLevel: vega.Error });
  const svg = await view.toSVG();
  view.finalize();
  return svg;
}

type Metrics = Record<string, number>[];

export function lossChart(metrics: Metrics): Promise<string> {
  const values = metrics.flatMap(({ epoch, reconstruction = 0, total = 0, validationLoss = 0 }) => [
    { epoch, part: 'reconstruction', loss: reconstruction },
    { epoch, part: 'latent, weighted', loss: total - reconstruction },
    { epoch, part: 'validation, both', loss: validationLoss },
  ]);
  // With variable entropy the latent loss may be below zero, where there is no logarithm.
  const shown = values.filter(({ loss }) => loss > 0);
  const color = { field: 'part', title: null, legend: { orient: 'bottom' as const } };
  return overEpochs(shown, { y: quantitative('loss', 'loss', { scale: { type: 'log' } }), color });
}

export function accuracyChart(metrics: Metrics): Promise<string> {
  const y = quantitative('validationAccuracy', 'validation accuracy', { scale: { zero: false }, axis: { format: '.1%' } });
  return overEpochs(metrics, { y });
}

function overEpochs(values: object[], encoding: object): Promise<string> {
  const x = quantitative('epoch', 'epoch', { axis: { tickMinStep: 1, format: 'd' } });
  return chart({ data: { values }, width: 380, height: 180, mark: { type: 'line', point: true }, encoding: { x, ...encoding } });
}

/** Draws a histogram of a score over all test images, with the threshold of each class. */
export function scoreChart(name: ScoreName, { scores, labels }: Findings, thresholds: Thresholds): Promise<string> {
  const { title, threshold } = SCORES[name];
  const logarithm = (value: number) => Math.log10(Math.max(value, 1e-3));
  const values = scores.map((score, i) => ({ value: logarithm(score[name] ?? 0), label: score.label === labels[i] ? 'right' : 'wrong' }));
  const histogram = {
    x: { field: 'value', bin: { maxbins: 60 }, title: `log10 of the ${title.toLowerCase()}` },
    y: { aggregate: 'count' as const, scale: { type: 'symlog' as const }, title: 'images' },
    color: { field: 'label', scale: { domain: ['right', 'wrong'], range: ['#4c78a8', '#e45756'] } },
  };
  return chart({
    ...{ title, width: 380, height: 180 },
    layer: [
      { data: { values }, mark: { type: 'bar', opacity: 0.8 }, encoding: histogram },
      {
        data: { values: (thresholds[threshold] ?? []).map((value) => ({ value: logarithm(value) })) },
        mark: { type: 'rule', strokeDash: [3, 3], color: '#f58518' },
        encoding: { x: { field: 'value', type: 'quantitative' } },
      },
    ],
  });
}

/** Draws the measured rejection rates against those asked for, and the diagonal. */
export function reliabilityChart(reliability: Findings['reliability']): Promise<string> {
  const values = reliability.flatMap(({ alpha, overall, worstClass }) => [
    { alpha, rate: overall, of: 'all classes' },
    { alpha, rate: worstClass, of: 'the worst class' },
  ]);
  const most = Math.max(0.01, ...values.map(({ rate, alpha }) => Math.max(rate, alpha)));
  const axis = (field: string, title: string) => quantitative(field, title, { scale: { domain: [0, most] } });
  const [x, y] = [axis('alpha', 'rejection rate asked for'), axis('rate', 'test images rejected')];
  return chart({
    ...{ width: 380, height: 260 },
    layer: [
      { data: { values }, mark: { type: 'line', point: true }, encoding: { x, y, color: { field: 'of', title: null } } },
      {
        data: { values: [0, most].map((at) => ({ alpha: at, rate: at })) },
        mark: { type: 'line', strokeDash: [4, 4], color: '#777' },
        encoding: { x, y },
      },
    ],
  });
}

export function confusionChart(confusion: Findings['confusion'], classes: string[]): Promise<string> {
  const axis = (field: string, title: string) => ({ field, type: 'nominal' as const, sort: classes, scale: { domain: classes }, title });
  const color = quantitative('count', null, { scale: { type: 'log', scheme: 'blues' }, legend: null });
  return chart({
    data: { values: confusion },
    encoding: { x: axis('label', 'label'), y: axis('truth', 'true class') },
    layer: [
      { mark: 'rect', encoding: { color } },
      ...(classes.length <= 15 ? [{ mark: { type: 'text' as const, fontSize: 9 }, encoding: { text: { field: 'count' } } }] : []),
    ],
  });
}

export function planeChart(plane: Findings['plane'], classes: number): Promise<string> {
  const scale = { scheme: classes <= 10 ? ('tableau10' as const) : ('tableau20' as const) };
  const color = { field: 'truth', title: null, scale, legend: classes <= 20 ? {} : null };
  return chart({
    ...{ data: { values: plane }, width: 480, height: 360 },
    mark: { type: 'circle', size: 12, opacity: 0.6 },
    encoding: { x: quantitative('x', null), y: quantitative('y', null), color },
  });
}
