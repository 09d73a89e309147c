import type { Screening } from '../../../shared/bundle/screening-schema.ts';
import { ALL_FORMATS, conversionOf } from '../../../shared/images/formats.ts';
import type { ImageIndex, StoredFile } from '../dataset.ts';
import { isForTrainingOnly } from '../training-formats.ts';
import { counted, type Fault } from './fault.ts';

/** A class with fewer images can't be split into train, validation, tune, calibration and test. */
const LEAST_PER_CLASS = 10;
/** The largest class has at most so many times the images of the smallest, or it is told. */
const UNEVEN = 10;

/** Returns what is wrong with the images of a folder. */
export function imageFaults(index: ImageIndex, classes: readonly string[], input: Screening['input']): Fault[] {
  const { files, unreadable } = index;
  const perClass = classes.map((_, label) => files.filter((file) => file.label === label).length);
  const few = classes.flatMap((name, label) => ((perClass[label] as number) < LEAST_PER_CLASS ? [`${name}: ${perClass[label]}`] : []));
  const foreign = files.filter(({ format }) => isForTrainingOnly(format));
  const kinds = [...Map.groupBy(foreign, ({ format }) => format)].map(([format, own]) => `${own.length} ${format}`).join(', ');
  const blank = files.filter(({ isBlank }) => isBlank);
  const alike = [
    ...Map.groupBy(
      files.filter(({ look }) => look !== ''),
      ({ look }) => look,
    ).values(),
  ].filter((group) => group.length > 1);
  const isAcross = (group: readonly StoredFile[]) => new Set(group.map(({ label }) => label)).size > 1;
  const [across, within] = [alike.filter(isAcross), alike.filter((group) => !isAcross(group))];
  const [least, most] = [Math.min(...perClass), Math.max(...perClass)];
  const size = `${input.height} x ${input.width}`;
  const all: [boolean, Fault][] = [
    [
      unreadable.length > 0,
      {
        ...{ severity: 'warning', files: unreadable.map(({ file, why }) => `${file}: ${why}`) },
        what: `${unreadable.length} of ${files.length + unreadable.length} images left out, which the worker would refuse too`,
      },
    ],
    [
      foreign.length > 0,
      {
        ...{ severity: 'warning', files: foreign.map(({ file }) => file) },
        what: `${counted(foreign.length, 'image')} (${kinds}) can be trained on, but the worker reads ${ALL_FORMATS} only`,
        todo: `Clients must send one of these. To convert a file, for example: ${conversionOf(foreign[0]?.format ?? '')}`,
      },
    ],
    [
      across.length > 0,
      {
        ...{ severity: 'serious', files: across.map((group) => textOf(group, size)) },
        what: `${counted(across.length, 'image')} in more than one class`,
        todo: 'Leave each in one class',
      },
    ],
    [
      few.length > 0,
      {
        ...{ severity: 'serious', files: few },
        what: `${counted(few.length, 'class')} with fewer than ${LEAST_PER_CLASS} images that can be read`,
        todo: 'Add images, or remove the class',
      },
    ],
    [
      within.length > 0,
      {
        ...{ severity: 'note', files: within.map((group) => textOf(group, size)) },
        what: `${counted(
          within.reduce((sum, group) => sum + group.length - 1, 0),
          'image',
        )} more than once; the same image stays in one split`,
      },
    ],
    [
      blank.length > 0,
      {
        ...{ severity: 'warning', files: blank.map(({ file }) => file) },
        what: `${counted(blank.length, 'blank image')}: nothing can be seen at ${size}`,
        todo: 'Remove them, or the model learns to accept blank images',
      },
    ],
    [
      few.length === 0 && most > UNEVEN * least,
      {
        severity: 'warning',
        what: `${classes[perClass.indexOf(most)]} has ${most} images, ${classes[perClass.indexOf(least)]} ${least}`,
        todo: 'Add images of small classes: their thresholds are the least certain',
      },
    ],
  ];
  return all.flatMap(([isThere, fault]) => (isThere ? [fault] : []));
}

/** Names images that are the same: `a/1.png, b/2.png`. */
function textOf(group: readonly StoredFile[], size: string): string {
  const isSameFile = new Set(group.map(({ sha256 }) => sha256)).size === 1;
  return `${group.map(({ file }) => file).join(', ')}${isSameFile ? '' : ` (different files, alike at ${size})`}`;
}
