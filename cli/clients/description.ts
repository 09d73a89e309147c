import { z } from 'zod';
import { UserError } from '../../shared/user-error.ts';

const operationSchema = z.looseObject({
  operationId: z.string(),
  tags: z.array(z.string()),
  requestBody: z.looseObject({ content: z.record(z.string(), z.unknown()) }).optional(),
  responses: z.record(z.string(), z.unknown()),
});

const descriptionSchema = z.looseObject({
  openapi: z.string().startsWith('3.1'),
  info: z.looseObject({ title: z.literal('Portcullis'), version: z.string() }),
  paths: z.record(z.string(), z.record(z.string(), operationSchema)),
});

/** The worker's OpenAPI description, as far as the generators' settings need it. */
export type Description = z.infer<typeof descriptionSchema>;

/** The group of routes that serve people's browsers: pages, whose files differ from build to build and which not every worker has. */
const PAGES = 'pages';

/** Asks a worker for its description, without its pages, which no client needs. @throws UserError if it does not answer one */
export async function readDescription(url: string): Promise<Description> {
  const address = new URL('openapi.json', url.endsWith('/') ? url : `${url}/`);
  const answer = await fetch(address).catch((error: Error) => error);
  if (answer instanceof Error)
    throw new UserError(`${address} does not answer: ${(answer.cause as Error | undefined)?.message ?? answer.message}`);
  const parsed = descriptionSchema.safeParse(await answer.json().catch(() => null));
  if (!answer.ok || !parsed.success)
    throw new UserError(`${address} is not the description of a Portcullis worker (status ${answer.status}).`);
  return withoutPages(parsed.data);
}

function withoutPages(description: Description): Description {
  const paths = Object.entries(description.paths).flatMap(([path, methods]) => {
    const kept = Object.entries(methods).filter(([, { tags }]) => !tags.includes(PAGES));
    return kept.length > 0 ? [[path, Object.fromEntries(kept)] as const] : [];
  });
  return { ...description, paths: Object.fromEntries(paths) };
}

/**
 * Returns the description as the Python generator understands it: without bodies of image types, since `application/octet-stream` takes
 * the same files, and without ranges of statuses.
 */
export function forPython(description: Description): Description {
  const copy = structuredClone(description);
  for (const { requestBody, responses } of Object.values(copy.paths).flatMap((methods) => Object.values(methods))) {
    const { content = {} } = requestBody ?? {};
    for (const type of Object.keys(content)) if (type.startsWith('image/')) delete content[type];
    for (const status of Object.keys(responses)) if (status.endsWith('XX')) delete responses[status];
  }
  return copy;
}
