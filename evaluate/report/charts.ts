import type { Norm } from '../../attacks/steps/projection.ts';
import { chart, quantitative } from '../../trainer/report/charts.ts';
import type { BrokenWithin, Condition, Convergence, Curve, Report, RiskCoverage, Scatter } from '../figures/report-schema.ts';

const SIZE = { width: 400, height: 250 };
const CROSS = 'M-1,-1L1,1M1,-1L-1,1';
/** Colours of the verdicts. */
const VERDICTS = { domain: ['right', 'wrong', 'rejected', 'clean'], range: ['#4c78a8', '#e45756', '#f58518', '#99999966'] };
const byAttack = { field: 'attack', title: null, legend: { orient: 'bottom' as const, columns: 1, labelLimit: 380 } };
const shareOf = (count: number, of: number) => count / Math.max(1, of);

/** Returns a dashed line across a chart at one value of an axis. */
const lineAt = (axis: 'x' | 'y', at: number) => ({
  data: { values: [{ at }] },
  mark: { type: 'rule' as const, strokeDash: [4, 4], color: '#777' },
  encoding: { [axis]: { field: 'at', type: 'quantitative' as const } },
});

/** Draws the share of images broken within each radius, by the union of all attacks and by each minimum-norm attack. */
export function securityChart({ worst, security }: Report, norm: Norm): Promise<string> {
  const lines = (attack: string, images: number, { radii, broken }: BrokenWithin) =>
    radii.map((radius, i) => ({ radius, share: shareOf(broken[i] as number, images), attack }));
  const union = worst.find((own) => own.norm === norm);
  const unionLine = union ? lines(`any attack (${union.name})`, union.images, union.curve) : [];
  const searching = security.filter((own) => own.norm === norm).flatMap(({ part, images, curve }) => lines(part, images, curve));
  const stepped = { type: 'line' as const, interpolate: 'step-after' as const };
  return chart({
    ...{ ...SIZE, title: norm },
    encoding: {
      x: quantitative('radius', `radius, ${norm}`),
      y: quantitative('share', 'share accepted as a wrong class', { scale: { domain: [0, 1] } }),
      color: byAttack,
    },
    layer: [
      { data: { values: unionLine }, mark: { ...stepped, strokeWidth: 6, opacity: 0.35 } },
      { data: { values: searching }, mark: { ...stepped, strokeWidth: 1.5 } },
    ],
  });
}

/** Draws what each budget of a sweep breaks at each radius, with its intervals: lines that lie together have converged. */
export function convergenceChart({ norm, budgets, at }: Convergence): Promise<string> {
  const values = at.flatMap(({ radius, broken }) =>
    broken.map(({ count, of, low, high }, i) => ({ radius, share: shareOf(count, of), low, high, budget: `x${budgets[i]} the gradients` })),
  );
  const y = (field: string) => quantitative(field, 'share accepted as a wrong class', { scale: { domain: [0, 1] } });
  const color = { field: 'budget', title: null, legend: { orient: 'bottom' as const } };
  return chart({
    ...{ data: { values }, ...SIZE, title: norm },
    encoding: { x: quantitative('radius', `radius, ${norm}`), color },
    layer: [
      { mark: 'rule', encoding: { y: y('low'), y2: { field: 'high' }, opacity: { value: 0.45 } } },
      { mark: { type: 'line', point: true }, encoding: { y: y('share') } },
    ],
  });
}

/** Draws one figure of attacks at several radii, with its intervals; a cross marks where an attack failed. */
export function curveChart(curves: readonly Curve[], figure: 'acceptedWrong' | 'rejected'): Promise<string> {
  const values = curves.flatMap(({ attack, points }) =>
    points.map(({ eps, failed, [figure]: { count, of, low, high } }) => {
      return { attack, eps, share: shareOf(count, of), low, high, state: failed ? 'attack failed' : 'attack holds' };
    }),
  );
  const title = { acceptedWrong: 'accepted as a wrong class', rejected: 'rejected' }[figure];
  const most = Math.max(0, ...values.map(({ high }) => high));
  const scale = { domain: [0, most > 0.5 ? 1 : Math.ceil(most * 20) / 20] };
  const y = (field: string) => quantitative(field, `share ${title}`, { scale });
  const states = { domain: ['attack holds', 'attack failed'], range: ['circle', CROSS] };
  return chart({
    ...{ data: { values }, ...SIZE, title },
    encoding: { x: quantitative('eps', `radius, ${curves[0]?.norm}`), color: byAttack },
    layer: [
      { mark: 'rule', encoding: { y: y('low'), y2: { field: 'high' }, opacity: { value: 0.45 } } },
      { mark: 'line', encoding: { y: y('share') } },
      {
        mark: { type: 'point', size: 70, filled: false, strokeWidth: 2 },
        encoding: { y: y('share'), shape: { field: 'state', title: null, scale: states, legend: null } },
      },
    ],
  });
}

/** Draws the share that is accepted and right at each severity of each corruption; the line marks half. */
export function conditionsChart(conditions: readonly Condition[]): Promise<string> {
  const values = conditions.map(({ name, severity, acceptedRight: { count, of } }) => ({ name, severity, share: shareOf(count, of) }));
  const x = { ...quantitative('severity', 'severity'), axis: { values: [...new Set(values.map(({ severity }) => severity))] } };
  const y = quantitative('share', 'share accepted and right', { scale: { domain: [0, 1] } });
  const color = { field: 'name', title: null, scale: { scheme: 'tableau20' as const }, legend: { orient: 'right' as const } };
  return chart({
    ...SIZE,
    layer: [{ data: { values }, mark: { type: 'line', point: true }, encoding: { x, y, color } }, lineAt('y', 0.5)],
  });
}

/** Draws both scores divided by their thresholds; accepted images lie below and left of the lines. */
export function scatterChart({ norm, points }: Scatter, all: readonly Scatter[]): Promise<string> {
  const axis = (field: 'latent' | 'reconstruction', title: string) => {
    const values = all.flatMap((cloud) => cloud.points.map((point) => point[field]));
    // The same for all plots, with the thresholds inside.
    const domain = [Math.min(-1, ...values.map(Math.floor)), Math.max(1, ...values.map(Math.ceil))];
    return quantitative(field, title, { scale: { domain } });
  };
  // Clean images are drawn below the attacked ones.
  const clean = norm === null ? [] : all.filter((cloud) => cloud.norm === null).flatMap((cloud) => cloud.points);
  const values = [...clean.map((point) => ({ ...point, verdict: 'clean' })), ...points];
  const encoding = {
    x: axis('latent', 'ln(latent distance / threshold)'),
    y: axis('reconstruction', 'ln(reconstruction error / threshold)'),
    color: { field: 'verdict', title: null, scale: VERDICTS, legend: { orient: 'bottom' as const } },
  };
  return chart({
    ...{ width: 265, height: 265, title: norm === null ? 'clean images' : `attacked, ${norm}` },
    layer: [{ data: { values }, mark: { type: 'circle', size: 16, opacity: 0.6 }, encoding }, lineAt('x', 0), lineAt('y', 0)],
  });
}

/** Draws the risk at each coverage, with a dot for the thresholds in use. */
export function riskCoverageChart({ points, operating: { coverage, risk } }: RiskCoverage): Promise<string> {
  const inUse = { coverage: shareOf(coverage.count, coverage.of), risk: shareOf(risk.count, risk.of) };
  const most = Math.max(0.01, inUse.risk, ...points.map((point) => point.risk));
  return chart({
    ...SIZE,
    encoding: {
      x: quantitative('coverage', 'coverage: share accepted', { scale: { domain: [0, 1] } }),
      y: quantitative('risk', 'risk: share of those that is wrong', { scale: { domain: [0, most] } }),
    },
    layer: [
      { data: { values: points }, mark: { type: 'line', interpolate: 'step-after' } },
      { data: { values: [inUse] }, mark: { type: 'point', size: 90, color: '#e45756', filled: true } },
    ],
  });
}
