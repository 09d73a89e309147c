import { imagesOf } from './images-of.ts';
import type { OfflineScreen } from './offline.ts';
import type { Body } from './seeds.ts';
import type { Answer } from './send.ts';

/** The outcome of an accepted image. */
export type Finding =
  | 'same tensor'
  | 'same label'
  | 'other tensor, same label'
  | 'near a threshold'
  | 'not decodable'
  | 'offline rejects'
  | 'other label';

/** Findings that are faults. */
export const FAULTS: readonly Finding[] = ['not decodable', 'offline rejects', 'other label'];

/** Reads and screens offline every image that was accepted. @returns a finding for each */
export async function judgeAnswer(body: Body, answer: Answer, offline: OfflineScreen): Promise<{ finding: Finding; why: string }[]> {
  if (answer.status !== 200) return [];
  const accepted = acceptedIn(answer);
  if (accepted.length === 0) return [];
  let images: (() => Promise<Float32Array>)[];
  try {
    images = await imagesOf(body, offline);
  } catch (error) {
    return [{ finding: 'not decodable', why: `the body: ${(error as Error).message}` }];
  }
  return Promise.all(
    accepted.map(async ({ index, label, tensor }) => {
      const read = images[index];
      const image = await (read ? read() : Promise.reject(new Error('there is no such image'))).catch((error: Error) => error);
      if (image instanceof Error) return { finding: 'not decodable' as const, why: `image ${index}: ${image.message}` };
      const wanted = await offline.verdictOn(image);
      const why = `image ${index}: accepted as ${label}; offline ${wanted.accepted ? 'accepts' : 'rejects'} it as ${wanted.label}`;
      const same = tensor === wanted.tensor;
      if (wanted.near) return { finding: 'near a threshold' as const, why };
      if (!wanted.accepted) return { finding: 'offline rejects' as const, why: `${why}${same ? ' of the same tensor' : ''}` };
      if (wanted.label !== label) return { finding: 'other label' as const, why };
      return {
        finding: tensor === undefined ? ('same label' as const) : same ? ('same tensor' as const) : ('other tensor, same label' as const),
        why,
      };
    }),
  );
}

/** `tensor`: sha256 of what the model saw; the v2 protocol does not tell it. */
function acceptedIn({ headers, body }: Answer): { index: number; label: string; tensor?: string }[] {
  const length = Number(headers['inference-header-content-length'] ?? body.length);
  const json = JSON.parse(body.toString('utf8', 0, length)) as {
    outputs?: { name: string; data?: string[] }[];
    results?: Said[];
  } & Said;
  if (json.outputs) {
    const column = (name: string) => json.outputs?.find((output) => output.name === name)?.data ?? [];
    const labels = column('label');
    return column('verdict').flatMap((verdict, index) =>
      verdict === 'accepted' && labels[index] !== undefined ? [{ index, label: labels[index] }] : [],
    );
  }
  return (json.results ?? [json]).flatMap(({ verdict, label, explain }, index) =>
    verdict === 'accepted' ? [{ index, label: label as string, ...(explain ? { tensor: explain.tensor } : {}) }] : [],
  );
}

interface Said {
  verdict?: string;
  label?: string;
  explain?: { tensor: string };
}
