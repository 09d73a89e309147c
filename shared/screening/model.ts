import type { Screening } from '../bundle/screening-schema.ts';
import type { Screen } from '../runtime/screen.ts';

/** A model that is ready to screen: a bundle's description, and its screen.onnx opened in a runtime. */
export interface Model {
  screening: Screening;
  screen: Screen;
}
