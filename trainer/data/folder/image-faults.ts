import type { Screening } from '../../../shared/bundle/screening-schema.ts';
import { ALL_FORMATS, conversionOf } from '../../../shared/images/formats.ts';
import type { ImageIndex, StoredFile } from '../dataset.ts';
import { isForTrainingOnly } from '../training-formats.ts';
import { counted, type Fault, faultsOf } from './fault.ts';

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
  const byLook = [...Map.groupBy(files, ({ look }) => look)];
  const alike = byLook.flatMap(([look, group]) => (look !== '' && group.length > 1 ? [group] : []));
  const isAcross = (group: readonly StoredFile[]) => new Set(group.map(({ label }) => label)).size > 1;
  const [across, within] = [alike.filter(isAcross), alike.filter((group) => !isAcross(group))];
  const [least, most] = [Math.min(...perClass), Math.max(...perClass)];
  const size = `${input.height} x ${input.width}`;
  const namesOf = (some: readonly StoredFile[]) => some.map(({ file }) => file);
  const repeated = within.reduce((sum, group) => sum + group.length - 1, 0);
  const small = classes[perClass.indexOf(least)];
  return faultsOf([
    [
      unreadable.length,
      'warning',
      `${unreadable.length} of ${files.length + unreadable.length} images left out, which the worker would refuse too`,
      undefined,
      unreadable.map(({ file, why }) => `${file}: ${why}`),
    ],
    [
      foreign.length,
      'warning',
      `${counted(foreign.length, 'image')} (${kinds}) can be trained on, but the worker reads ${ALL_FORMATS} only`,
      `Clients must send one of these. To convert a file, for example: ${conversionOf(foreign[0]?.format ?? '')}`,
      namesOf(foreign),
    ],
    [
      across.length,
      'serious',
      `${counted(across.length, 'image')} in more than one class`,
      'Leave each in one class',
      across.map((group) => textOf(group, size)),
    ],
    [
      few.length,
      'serious',
      `${counted(few.length, 'class')} with fewer than ${LEAST_PER_CLASS} images that can be read`,
      'Add images, or remove the class',
      few,
    ],
    [
      within.length,
      'note',
      `${counted(repeated, 'image')} more than once; the same image stays in one split`,
      undefined,
      within.map((group) => textOf(group, size)),
    ],
    [
      blank.length,
      'warning',
      `${counted(blank.length, 'blank image')}: nothing can be seen at ${size}`,
      'Remove them, or the model learns to accept blank images',
      namesOf(blank),
    ],
    [
      few.length === 0 && most > UNEVEN * least,
      'warning',
      `${classes[perClass.indexOf(most)]} has ${most} images, ${small} ${least}`,
      'Add images of small classes: their thresholds are the least certain',
    ],
  ]);
}

/** Names images that are the same: `a/1.png, b/2.png`. */
function textOf(group: readonly StoredFile[], size: string): string {
  const isSameFile = new Set(group.map(({ sha256 }) => sha256)).size === 1;
  return `${group.map(({ file }) => file).join(', ')}${isSameFile ? '' : ` (different files, alike at ${size})`}`;
}
