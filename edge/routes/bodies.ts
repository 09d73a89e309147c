import type { RouteConfig } from '@hono/zod-openapi';
import { z } from 'zod';
import { ANY_FORMAT, FORMATS } from '../../shared/images/formats.ts';
import { BINARY_HEADER, describedInferRequest } from '../../shared/protocol/inference-protocol.ts';
import { batchItemSchema, batchRequestSchema } from '../../shared/protocol/screen-messages.ts';
import type { ProblemName } from '../problem.ts';

/** Describes bytes. */
export const binary = (description: string) => z.string().meta({ format: 'binary', description });
const items = batchItemSchema.array().min(1);

/** Describes the bodies that carry images. */
export const imageBody = {
  required: true,
  description: 'One image as its file or as float32, several as JSON or as a form. The answer is one verdict, or a list in the order sent.',
  content: {
    ...Object.fromEntries(FORMATS.map(({ mediaTypes: [type], description }) => [type, { schema: binary(description) }])),
    'application/octet-stream': {
      schema: binary(`the model's input, H x W x C little-endian float32 in [0, 1], or a ${ANY_FORMAT} file`),
    },
    'application/json': {
      schema: batchRequestSchema.extend({ images: items }).meta({
        id: 'BatchRequest',
        description: `each a ${ANY_FORMAT} file as base64 or a data URI, or nested numbers in [0, 1]`,
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
      schema: z.object({ file: z.array(binary(`a ${ANY_FORMAT} file, or float32 as application/octet-stream`)).min(1) }),
    },
  },
} satisfies NonNullable<RouteConfig['request']>['body'];

/** Describes the headers of an inference request. */
export const inferHeaders = z.object({
  [BINARY_HEADER]: z
    .string()
    .regex(/^\d{1,15}$/)
    .optional()
    .meta({ description: 'bytes of the JSON before binary tensors' }),
});

/** Describes the body of an inference request. */
export const inferBody = {
  required: true,
  content: {
    'application/json': { schema: describedInferRequest },
    'application/octet-stream': { schema: binary('an inference request whose binary tensors follow its JSON') },
  },
};

/** The problems that a body of images can have. */
export const BODY_PROBLEMS: ProblemName[] = [
  ...(['empty-body', 'bad-json', 'bad-multipart', 'bad-request', 'body-timeout', 'body-too-large', 'image-too-large'] as const),
  ...(['unsupported-media-type', 'bad-image', 'wrong-size', 'not-finite', 'busy', 'model-unavailable'] as const),
];
