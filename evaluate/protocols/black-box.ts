import type { Attack } from '../../attacks/attack.ts';
import { suites } from '../../attacks/list.ts';
import type { Norm } from '../../attacks/steps/projection.ts';
import { type Endpoint, httpOracle } from './endpoint.ts';
import { RADII } from './outcome.ts';
import { attackPart } from './parts.ts';
import type { Part, Protocol } from './protocol.ts';

const IMAGES = 100;
const AT_ONCE = 10;
/** Fewer images through HTTP, where a query takes several times as long, */
const ENDPOINT_IMAGES = 8;
/** and one radius. */
const ENDPOINT_RADIUS: Record<Norm, number> = { linf: 0.2, l2: 1.5 };

/** Attacks without gradients, through screen.onnx and, where a worker is named, through HTTP. Each image is attacked alone. */
export const blackBox: Protocol = {
  name: 'black-box',
  source: import.meta.url,
  asksEndpoint: true,
  about: `Square (scores) and HopSkipJump (verdicts), ${IMAGES} images; SCREEN_URL: through a worker too`,
  parts: (_, { images, test, endpoint }) => {
    const shared = { images: Math.min(images ?? IMAGES, test), atOnce: AT_ONCE };
    const few = { images: Math.min(images ?? ENDPOINT_IMAGES, ENDPOINT_IMAGES, test), atOnce: ENDPOINT_IMAGES };
    return suites.blackBox.flatMap((attack) => {
      const norm = attack.norm as Norm;
      const fixed = attack.kind === 'fixed radius';
      return [
        ...(fixed ? RADII[norm] : [null]).map((radius) => attackPart(attack, shared, { radius })),
        ...(endpoint ? [endpointPart(attack, few, fixed ? ENDPOINT_RADIUS[norm] : null, endpoint)] : []),
      ];
    });
  },
};

function endpointPart(attack: Attack, shared: Pick<Part, 'images' | 'atOnce'>, radius: number | null, endpoint: Endpoint): Part {
  const named = { ...attack, name: `${attack.name}, through the HTTP door` };
  return attackPart(named, shared, {
    radius,
    modelOf: ({ model, screening }) => ({ ...model, oracle: (shows) => httpOracle(endpoint, screening, shows) }),
    sources: [new URL('./endpoint.ts', import.meta.url).href],
    descriptor: { endpoint: true },
  });
}
