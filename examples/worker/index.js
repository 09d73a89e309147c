// A worker of your own with the whole API. The bundle's files stand in model/; npx wrangler dev, or npx wrangler deploy.
import { waitUntil } from 'cloudflare:workers';
import { bundleOf, createApp } from 'portcullis/worker';
import reclassify from './model/reclassify.onnx';
import screen from './model/screen.onnx';
import screening from './model/screening.json.txt';
import weights from './model/weights.bin';

const files = { 'screening.json': screening, 'screen.onnx': screen, 'reclassify.onnx': reclassify, 'weights.bin': weights };

export default await createApp({ bundle: bundleOf(files), waitUntil });
