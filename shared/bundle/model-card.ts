import { fitnessOf } from './fitness.ts';
import { knowsBothTests } from './fitness-figures.ts';
import type { Evidence, Guarantee, Screening } from './screening-schema.ts';

/** Terms of use of each data set, as its makers state them. */
const DATA_LICENCES: Record<string, string> = {
  mnist: 'MNIST: made by LeCun, Cortes and Burges from NIST special databases 1 and 3; free to use, commonly given as CC BY-SA 3.0.',
  'fashion-mnist': 'Fashion-MNIST: made by Zalando Research, MIT licence.',
  'coil-100':
    'COIL-100: made by Nene, Nayar and Murase at Columbia University, available for research purposes; ' +
    'use a model trained on it for no other purpose.',
  svhn: 'SVHN: made by Netzer and others from Google Street View images, for non-commercial use only.',
};

/**
 * Writes a bundle's README.md from screening.json alone: what the model is, what it guarantees, and what was measured on it.
 *
 * @returns Markdown
 */
export function modelCard(screening: Screening): string {
  const { name, id, modelId, classes, input, latentDim, covariances, calibration, provenance } = screening;
  const { ownCalibration: own, dataset } = provenance;
  const measured = screening.evidence.filter((entry) => entry.id === id);
  return [
    `# ${name}`,
    `A Gaussian mixture variational autoencoder for ${classes.length} classes (${shortened(classes)}), made by Portcullis. ` +
      `It takes images of ${input.height}x${input.width}x${input.channels}.`,
    table({ id, 'model id': modelId }),
    '## Is it fit to deploy?',
    verdictOf(screening),
    '## Training',
    table({
      'data set': dataset,
      preset: provenance.preset,
      epochs: provenance.epochs,
      seed: provenance.seed,
      backend: provenance.backend,
      Portcullis: provenance.portcullis,
      trained: provenance.trained,
      exported: provenance.exported,
      ...(own ? { thresholds: `set on ${own.images} images of the operator, not on ${dataset}, ${own.date}` } : {}),
      latent: `${latentDim} dimensions, ${covariances.kind} covariances`,
      ...(provenance.training ? { training: methodOf(provenance.training) } : {}),
    }),
    '## Guarantee',
    guaranteeOf(calibration, own !== undefined),
    ...(screening.guarantee ? [strictOf(screening.guarantee)] : []),
    '## Measurements',
    measured.length > 0 ? evidenceTable(measured.filter(({ proven }) => !proven)) : 'None yet: `pnpm evaluate` takes them.',
    ...provenTable(measured),
    '## Limits',
    'As published, the method does not withstand an attacker who knows both tests: for nearly every image such an attack finds a ' +
      'perturbation that is accepted with a wrong class. ' +
      (measured.some(knowsBothTests)
        ? 'The measurements above show how small a perturbation such attacks need; a stronger attack can only do better. '
        : 'The measurements above cover clean images, FGSM (a weak attack) and nonsense images, but no adaptive attack. ') +
      'The guarantee above does not hold on images from another source than the calibration images: calibrate again.',
    '## Licences',
    `${DATA_LICENCES[dataset] ?? `The images of ${dataset} belong to their makers.`} ` +
      'This bundle contains none of its images; the decoder made the golden image in screening.json.',
    '',
  ].join('\n\n');
}

function verdictOf(screening: Screening): string {
  const { verdict, reasons } = fitnessOf(screening);
  const forced = (screening.forced ?? []).map(({ what }) => `- accepted by --force: ${what}`);
  const lines = reasons.map(({ effect, what, todo }) => `- ${effect}: ${what} ${todo}`);
  return [`**${verdict[0]?.toUpperCase()}${verdict.slice(1)}.**`, '', ...lines, ...forced].join('\n').trimEnd();
}

function guaranteeOf({ method, guarantee, alpha, delta, n, rejected }: Screening['calibration'], isOwn: boolean): string {
  const observed = `The thresholds reject ${rejected} of ${n} calibration images, which were used for nothing else.`;
  if (method !== 'conformal') return `None: the thresholds are the paper's three-sigma ones. ${observed}`;
  const percent = Number((100 * alpha).toPrecision(12));
  const confidence = Number((1 - (delta ?? 0)).toPrecision(12));
  const images = isOwn ? "the operator's own, on which it was calibrated," : 'those on which it was calibrated';
  const scope =
    guarantee === 'marginal'
      ? 'over all classes together, not within each'
      : 'within each predicted class by itself; the probability that it holds in all of them at once is lower';
  return (
    `With probability ${confidence} over the draw of the calibration images, at most ${percent} % of clean images like ${images} ` +
    `are rejected: ${scope}. ${observed} ` +
    'The probability holds for thresholds that are set once; setting them several times on the same images and keeping the best voids it.'
  );
}

function strictOf({ norm, radius }: Guarantee): string {
  return (
    `Strict mode: no two images within ${norm} ${radius} of each other, as the model sees them, are accepted as different classes. ` +
    'This is proven, for every pair of images and every attack.'
  );
}

function evidenceTable(evidence: Evidence[]): string {
  const lines = evidence.map(({ name, protocol, images, acceptedRight, acceptedWrong, rejected, reclassified }) => {
    const { right = null, wrong = null, rejectedStill = null } = reclassified ?? {};
    const shares = [acceptedRight, acceptedWrong, rejected, right, wrong, rejectedStill].map((count) =>
      count === null ? '' : ((100 * count) / images).toFixed(2),
    );
    return `| ${[name, images, ...shares, protocol].join(' | ')} |`;
  });
  return [
    'Per cent of all images of the row, by the exported graphs in onnxruntime-node; rows of the protocol training by the model before ' +
      'its export. ' +
      'On attacked and nonsense images the error is the share that got through undetected.',
    '',
    '| images | count | accuracy | error | rejection | reclassified right | wrong | still rejected | protocol |',
    '|---|--:|--:|--:|--:|--:|--:|--:|---|',
    ...lines,
    ...treatments(evidence),
  ].join('\n');
}

/** Says what is proven of changes within a radius, beside the most that attacks found within the same. */
function provenTable(evidence: Evidence[]): string[] {
  const proven = evidence.filter((entry) => entry.proven);
  if (proven.length === 0) return [];
  const share = ({ acceptedWrong, images }: Evidence) => `${((100 * acceptedWrong) / images).toFixed(2)} % of ${images}`;
  const rows = proven.map((entry) => {
    const { norm, radius } = entry.within ?? {};
    const attacks = evidence.filter(({ within, proven }) => !proven && within?.norm === norm && within?.radius === radius);
    const most = attacks.toSorted((a, b) => b.acceptedWrong / b.images - a.acceptedWrong / a.images)[0];
    return `| ${entry.name} | ${most ? share(most) : 'not attacked'} | ${share(entry)} |`;
  });
  const lead =
    'Test images that are accepted as a wrong class: those for which attacks found such a change, and those for which it is not proven ' +
    'that no change does it, whatever the attack. The strongest attack is between the two.';
  return [[lead, '', '| | found | proven: at most |', '|---|--:|--:|', ...rows].join('\n')];
}

/** Lists the treatment of the images and its cost, with the rows that share it. */
function treatments(evidence: Evidence[]): string[] {
  const names = new Map<string, string[]>();
  for (const { name, about } of evidence) if (about !== undefined) names.set(about, [...(names.get(about) ?? []), name]);
  if (names.size === 0) return [];
  return [
    '',
    'Treatment of the images and its cost per image:',
    '',
    ...Array.from(names, ([about, rows]) => `- ${rows.join('; ')}: ${about}`),
  ];
}

/** Describes the variant of the method and its main settings; screening.json has all of them. */
function methodOf({ labelsPerClass, latentWeight, outliers, architecture }: NonNullable<Screening['provenance']['training']>): string {
  const { entropy } = (architecture ?? {}) as { entropy?: string };
  return [
    typeof labelsPerClass === 'number'
      ? `semi-supervised (Eq. 7 with ${labelsPerClass} labels per class, Eq. 3 on the other images)`
      : 'supervised (Eq. 7)',
    ...(entropy === 'variable' ? ['variable entropy'] : []),
    `latent weight ${Number(Number(latentWeight).toPrecision(4))}`,
    Number(outliers) > 0 ? `${100 * Number(outliers)} % unknown images added (outlier exposure)` : 'no outlier exposure',
  ].join(', ');
}

function table(entries: Record<string, string | number>): string {
  return ['| | |', '|---|---|', ...Object.entries(entries).map(([key, value]) => `| ${key} | ${value} |`)].join('\n');
}

function shortened(classes: string[]): string {
  return classes.length <= 12 ? classes.join(', ') : `${classes.slice(0, 10).join(', ')}, …`;
}
