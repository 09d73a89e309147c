import { openScreen } from '../../edge/generated/open-screen.js';
import { serveGraph } from './serve-graph.ts';

/** The graph on the runtime that the build chose. */
export default await serveGraph(openScreen);
