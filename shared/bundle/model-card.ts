import type { Evidence, Screening } from './screening-schema.ts';

/** What a data set may be used for, as its makers say. */
const DATA_LICENCES: Record<string, string> = {
  mnist: 'MNIST: made by LeCun, Cortes and Burges from NIST special databases 1 and 3; free to use, commonly given as CC BY-SA 3.0.',
  'fashion-mnist': 'Fashion-MNIST: made by Zalando Research, MIT licence.',
  'coil-100':
    'COIL-100: made by Nene, Nayar and Murase at Columbia University, available for research purposes; what is trained on it should be used for no other.',
  svhn: 'SVHN: made by Netzer and others from Google Street View images, for non-commercial use only.',
};

/**
 * The bundle's README.md, made from screening.json alone: what the model is, what it promises, and what was measured on it.
 *
 * @returns Markdown
 */
export function modelCard(screening: Screening): string {
  const { name, id, modelId, classes, input, latentDim, covariances, calibration, provenance } = screening;
  const measured = screening.evidence.filter((entry) => entry.id === id);
  return [
    `# ${name}`,
    `A Gaussian mixture variational autoencoder for ${classes.length} classes (${shortened(classes)}), made by Portcullis. Images are ${input.height}x${input.width}x${input.channels}.`,
    ['| | |', '|---|---|', ...rows({ id, 'model id': modelId })].join('\n'),
    '## How it was made',
    [
      '| | |',
      '|---|---|',
      ...rows({
        'data set': provenance.dataset,
        preset: provenance.preset,
        epochs: String(provenance.epochs),
        seed: String(provenance.seed),
        backend: provenance.backend,
        Portcullis: provenance.portcullis,
        trained: provenance.trained,
        exported: provenance.exported,
        ...(provenance.ownCalibration
          ? {
              thresholds: `set on ${provenance.ownCalibration.images} own images of an operator, not on ${provenance.dataset}, ${provenance.ownCalibration.date}`,
            }
          : {}),
        latent: `${latentDim} dimensions, ${covariances.kind} covariances`,
        ...(provenance.training ? { training: methodOf(provenance.training) } : {}),
      }),
    ].join('\n'),
    '## What it promises',
    promise(calibration, provenance.ownCalibration !== undefined),
    '## What was measured',
    measured.length > 0 ? evidenceTable(measured) : 'Nothing yet: `pnpm evaluate` measures it.',
    '## What it is not for',
    'As published, the method does not withstand an attacker who knows both tests: for nearly every image such an attack finds one that is accepted with a wrong class. ' +
      (measured.some(isAdaptive)
        ? 'What is measured above says how small a change such attacks need; each figure is the least that an attacker can do. '
        : 'What is measured above are clean images, FGSM (a weak attack) and images of nothing; no adaptive attack. ') +
      'On images from another source than the calibration images the promise above does not hold: calibrate anew.',
    '## Licences',
    `${DATA_LICENCES[provenance.dataset] ?? `The images of ${provenance.dataset} belong to whoever made them.`} No image of it is in this bundle; the golden image in screening.json is made by the decoder.`,
    '',
  ].join('\n\n');
}

function promise({ method, guarantee, alpha, delta, n, rejected }: Screening['calibration'], own: boolean): string {
  const seen = `Of ${n} calibration images, which were used for nothing else, ${rejected} are rejected.`;
  if (method !== 'conformal') return `Nothing: the thresholds are the paper's three-sigma ones. ${seen}`;
  const percent = Number((100 * alpha).toPrecision(12));
  const confidence = Number((1 - (delta ?? 0)).toPrecision(12));
  const whose =
    guarantee === 'marginal'
      ? 'over all classes together, not within each'
      : 'within each predicted class taken alone; for all of them at once with a probability lower by that of each';
  return (
    `At most ${percent} % of clean images like ${own ? "the operator's own, which it was calibrated on," : 'those it was calibrated on'} are rejected, ${whose}, with probability ${confidence} over the draw of those images. ` +
    `${seen} The probability holds for thresholds that were set once: whoever sets them several times on the same images and keeps what looks best has chosen on them.`
  );
}

function evidenceTable(evidence: Evidence[]): string {
  const head = [
    '| images | count | accuracy | error | rejection | reclassified right | wrong | rejected still | protocol |',
    '|---|--:|--:|--:|--:|--:|--:|--:|---|',
  ];
  const lines = evidence.map(({ name, protocol, images, acceptedRight, acceptedWrong, rejected, reclassified }) => {
    const again = reclassified ? [reclassified.right, reclassified.wrong, reclassified.rejectedStill] : [null, null, null];
    const cells = [acceptedRight, acceptedWrong, rejected, ...again].map((count) =>
      count === null ? '' : ((100 * count) / images).toFixed(2),
    );
    return `| ${[name, images, ...cells, protocol].join(' | ')} |`;
  });
  return [
    'In per cent of all images of the row, by the exported graphs in onnxruntime-node. On attacked images and images of nothing the error is what got through undetected.',
    '',
    ...head,
    ...lines,
    ...budgets(evidence),
  ].join('\n');
}

/** What was done to the images of each row that says so; rows of the same are told together. */
function budgets(evidence: Evidence[]): string[] {
  const told = new Map<string, string[]>();
  for (const { name, about } of evidence) if (about !== undefined) told.set(about, [...(told.get(about) ?? []), name]);
  return told.size === 0
    ? []
    : ['', 'What was done, and its cost an image:', '', ...Array.from(told, ([about, names]) => `- ${names.join('; ')}: ${about}`)];
}

/** Of attacks that aim at both tests: `adaptive`, or the union of all. */
const isAdaptive = ({ protocol }: Evidence) => /^(adaptive|all attacks)\b/.test(protocol);

/** The method's variant and its main figures; all of them are in screening.json. */
function methodOf({ labelsPerClass, latentWeight, outliers, architecture }: NonNullable<Screening['provenance']['training']>): string {
  const { entropy } = (architecture ?? {}) as { entropy?: string };
  return [
    typeof labelsPerClass === 'number'
      ? `semi-supervised (Eq. 7 with ${labelsPerClass} labels a class, Eq. 3 on the other images)`
      : 'supervised (Eq. 7)',
    ...(entropy === 'variable' ? ['variable entropy'] : []),
    `latent weight ${Number(Number(latentWeight).toPrecision(4))}`,
    Number(outliers) > 0 ? `${100 * Number(outliers)} % images of no class added (outlier exposure)` : 'no outlier exposure',
  ].join(', ');
}

const rows = (entries: Record<string, string>) => Object.entries(entries).map(([key, value]) => `| ${key} | ${value} |`);

function shortened(classes: string[]): string {
  return classes.length <= 12 ? classes.join(', ') : `${classes.slice(0, 10).join(', ')}, …`;
}
