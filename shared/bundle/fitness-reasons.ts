import { rate } from '../rate.ts';
import type { Reason } from './fitness-schema.ts';

type Topic = Reason['of'];

/** Names listed in a sentence. */
const LISTED = 5;

export const against = (of: Topic, what: string, todo: string): Reason => ({ of, effect: 'against', what, todo });
export const unmeasured = (of: Topic, what: string, todo: string): Reason => ({ of, effect: 'unmeasured', what, todo });
export const limit = (of: Topic, what: string, todo: string): Reason => ({ of, effect: 'limit', what, todo });

/** Images from which on an interval is too narrow to be worth its room in a sentence. */
const MANY_IMAGES = 1000;

/** Formats a share with its counts and its 95 % interval; of many images without these. */
export function share(count: number, of: number): string {
  const { low, high } = rate(count, of);
  return of >= MANY_IMAGES
    ? percent(count / of)
    : `${percent(count / of)} (${count} of ${of}; 95 %: ${percent(low, 2)} to ${percent(high, 2)})`;
}

export const percent = (value: number, digits = 3) => `${Number((100 * value).toPrecision(digits))} %`;

/** Joins the first items, and says how many more there are. */
export function listed(items: readonly string[], separator = ', '): string {
  const more = items.length - LISTED;
  return items.slice(0, LISTED).join(separator) + (more > 0 ? `${separator}and ${more} more` : '');
}

export const capitalised = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);
