import type { Evidence, Screening } from './screening-schema.ts';

/** What a data set may be used for, as its makers say. */
const DATA_LICENCES: Record<string, string> = {
  mnist: 'MNIST: made by LeCun, Cortes and Burges from NIST special databases 1 and 3; free to use, commonly given as CC BY-SA 3.0.',
};

/**
 * The bundle's README.md, made from screening.json alone: what the model is, what it promises, and what was measured on it.
 *
 * @returns Markdown
 */
export function modelCard(screening: Screening): string {
  const { name, id, modelId, classes, input, latentDim, covariances, calibration, provenance } = screening;
  const measured = screening.evidence.filter((entry) => entry.id === id);
  const promise =
    calibration.method === 'conformal'
      ? `At most ${per(calibration.alpha)} % of clean images like those it was calibrated on are rejected, with probability ${
          1 - (calibration.delta ?? 0)
        } over the draw of the ${calibration.n} calibration images (${calibration.guarantee}: ${
          calibration.guarantee === 'marginal' ? 'over all of them together, not for each class' : 'for each class'
        }). Of those ${calibration.n}, ${calibration.rejected} are rejected.`
      : `Thresholds are the paper's three-sigma ones, which promise no false-rejection rate. Of ${calibration.n} held-out clean images, ${calibration.rejected} are rejected.`;
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
        latent: `${latentDim} dimensions, ${covariances.kind} covariances`,
      }),
    ].join('\n'),
    '## What it promises',
    promise,
    '## What was measured',
    measured.length > 0 ? evidenceTable(measured) : 'Nothing yet: `pnpm evaluate` measures it.',
    '## What it is not for',
    'As published, the method does not withstand an attacker who knows both tests: for nearly every image such an attack finds one that is accepted with a wrong class. ' +
      'What is measured above are clean images, FGSM (a weak attack) and images of nothing; no adaptive attack. ' +
      'On images from another source than the calibration images the promise above does not hold: calibrate anew.',
    '## Licences',
    `${DATA_LICENCES[provenance.dataset] ?? `The images of ${provenance.dataset} belong to whoever made them.`} No image of it is in this bundle; the golden image in screening.json is made by the decoder.`,
    '',
  ].join('\n\n');
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
  ].join('\n');
}

const per = (share: number) => String(Math.round(share * 1e4) / 100);

const rows = (entries: Record<string, string>) => Object.entries(entries).map(([key, value]) => `| ${key} | ${value} |`);

function shortened(classes: string[]): string {
  return classes.length <= 12 ? classes.join(', ') : `${classes.slice(0, 10).join(', ')}, …`;
}
