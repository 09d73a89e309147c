import type { RouteConfig } from '@hono/zod-openapi';
import { z } from 'zod';
import { BINARY_HEADER } from '../../shared/protocol/inference-protocol.ts';
import { batchItemSchema, batchRequestSchema } from '../../shared/protocol/screen-messages.ts';
import type { ProblemName } from '../problem.ts';

const binary = (description: string) => z.string().meta({ format: 'binary', description });
const items = batchItemSchema.array().min(1);

/** How images are sent. */
export const imageBody = {
  required: true,
  description: 'One image as its file or as float32, several as JSON or as a form. The answer is one verdict, or a list in the order sent.',
  content: {
    'image/png': { schema: binary('a PNG file of any bit depth and colour type') },
    'image/jpeg': { schema: binary('a JPEG file, grey or colour, also progressive; its EXIF orientation counts') },
    'application/octet-stream': { schema: binary("the model's input, H x W x C little-endian float32 in [0, 1], or a PNG or JPEG file") },
    'application/json': {
      schema: batchRequestSchema.extend({ images: items }).meta({
        description: 'each a PNG or JPEG file as base64 or a data URI, or nested numbers in [0, 1]',
        example: {
          images: [
            { image: 'iVBORw0KGgo…' },
            {
              pixels: [
                [0, 0.5],
                [1, 0],
              ],
            },
          ],
        },
      }),
    },
    'multipart/form-data': {
      schema: z.object({ file: z.array(binary('a PNG or JPEG file, or float32 as application/octet-stream')).min(1) }),
    },
  },
} satisfies NonNullable<RouteConfig['request']>['body'];

/** Of an inference request. */
export const inferHeaders = z.object({
  [BINARY_HEADER]: z
    .string()
    .regex(/^\d{1,15}$/)
    .optional()
    .meta({ description: 'bytes of the JSON before binary tensors' }),
});

/** What can be wrong with them. */
export const BODY_PROBLEMS: ProblemName[] = [
  ...(['empty-body', 'bad-json', 'bad-multipart', 'bad-request', 'body-timeout', 'body-too-large', 'image-too-large'] as const),
  ...(['unsupported-media-type', 'bad-image', 'wrong-size', 'not-finite', 'busy', 'model-unavailable'] as const),
];
