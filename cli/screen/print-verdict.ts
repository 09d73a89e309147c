import { sha256 } from '../../shared/bundle/hashes.ts';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { tensorOf } from '../../shared/images/preprocess.ts';
import { SCORES, testedScores } from '../../shared/score-table.ts';
import type { ScreenedFile } from './screen-files.ts';

/** Prints what became of a file: a line, or with `json` an object. A file that can't be read is named on standard error too. */
export async function printVerdict(
  screened: ScreenedFile,
  { classes, thresholds }: Screening,
  { json, explain }: { json?: boolean; explain?: boolean },
): Promise<void> {
  const { file } = screened;
  if ('error' in screened) {
    if (json) console.log(JSON.stringify({ file, verdict: 'unreadable', error: screened.error }));
    return console.error(`${file}: ${screened.error}`);
  }
  const { scores, decision, levels } = screened;
  const { label: index, ...values } = scores;
  const label = classes[index];
  const reason = decision.accepted ? null : decision.reason;
  const tensor = explain ? await sha256(new Uint8Array(tensorOf(levels).buffer)) : '';
  if (json) {
    const verdict = decision.accepted ? { verdict: 'accepted', label } : { verdict: 'rejected' };
    return console.log(
      JSON.stringify({ file, ...verdict, ...(explain ? { explain: { reason, nearest: label, ...values, tensor } } : {}) }),
    );
  }
  const each = testedScores(thresholds).map((name) => `${SCORES[name].title.toLowerCase()} ${scores[name]?.toFixed(3)}`);
  const scored = explain ? ` (nearest ${label}, ${reason ?? 'within all thresholds'}, ${each.join(', ')}, tensor ${tensor})` : '';
  console.log(`${file}: ${decision.accepted ? `accepted as ${label}` : 'rejected'}${scored}`);
}
