import { openScreen } from '../../edge/generated/runtime.js';
import { serveGraph } from './serve-graph.ts';

/** The graph on the runtime that the build chose. */
export default await serveGraph(openScreen);
