import type { Attack } from '../../attacks/attack.ts';
import { suites } from '../../attacks/list.ts';
import { type Endpoint, httpOracle } from '../measure/endpoint.ts';
import { attackPart } from '../measure/parts.ts';
import type { Part, Protocol } from '../measure/protocol.ts';
import { radiiOf } from '../measure/radii.ts';

const IMAGES = 100;
const AT_ONCE = 10;
/** Fewer images through HTTP, where a query takes several times as long, and only the second largest radius. */
const ENDPOINT_IMAGES = 8;

/** Attacks without gradients, through screen.onnx and, where a worker is named, through HTTP. Each image is attacked alone. */
export const blackBox: Protocol = {
  name: 'black-box',
  source: import.meta.url,
  asksEndpoint: true,
  about: `Square and Sparse-RS (scores), HopSkipJump and Pointwise (verdicts), ${IMAGES} images; SCREEN_URL: through a worker too`,
  parts: ({ input }, { images, test, endpoint }) => {
    const shared = { images: Math.min(images ?? IMAGES, test), atOnce: AT_ONCE };
    const few = { images: Math.min(images ?? ENDPOINT_IMAGES, ENDPOINT_IMAGES, test), atOnce: ENDPOINT_IMAGES };
    return suites.blackBox.flatMap((attack) => {
      const radii = radiiOf(attack, input);
      return [
        ...radii.map((radius) => attackPart(attack, shared, { radius })),
        ...(endpoint ? [endpointPart(attack, few, radii.at(-2) ?? null, endpoint)] : []),
      ];
    });
  },
};

function endpointPart(attack: Attack, shared: Pick<Part, 'images' | 'atOnce'>, radius: number | null, endpoint: Endpoint): Part {
  const named = { ...attack, name: `${attack.name}, through the HTTP door` };
  return attackPart(named, shared, {
    radius,
    modelOf: ({ model, screening }) => ({ ...model, oracle: (feedback) => httpOracle(endpoint, screening, feedback) }),
    sources: [new URL('../measure/endpoint.ts', import.meta.url).href],
    descriptor: { endpoint: true },
  });
}
