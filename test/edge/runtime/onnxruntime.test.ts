import { expect, it } from 'vitest';
import wasmModule from '../../../edge/generated/ort.wasm';
import screenGraph from '../../../edge/generated/screen.onnx';
import screeningText from '../../../edge/generated/screening.json.txt';
import weights from '../../../edge/generated/weights.bin';
import { openScreen } from '../../../edge/runtime/onnxruntime.ts';
import { float32FromBase64 } from '../../../shared/bundle/float32-base64.ts';
import { openBundle } from '../../../shared/bundle/open-bundle.ts';
import kernels from '../../../shared/kernels/screening.wasm';
import { openScreen as openOwn } from '../../../shared/runtime/open-screen.ts';
import type { WriteImage } from '../../../shared/runtime/screen.ts';

it('ONNX Runtime in workerd, which graphs get that the own kernels do not know, answers as these', async () => {
  const files: Record<string, Uint8Array> = {
    'screening.json': new TextEncoder().encode(screeningText),
    'screen.onnx': new Uint8Array(screenGraph),
    'weights.bin': new Uint8Array(weights),
  };
  const bundle = await openBundle((file) => files[file] as Uint8Array, ['screen']);
  const write: WriteImage = (_, input) => input.set(float32FromBase64(bundle.screening.golden.image));
  const expected = await (await openScreen(wasmModule, bundle))(write, 1, true);
  const actual = await openOwn(kernels, bundle)(write, 1, true);
  expect(actual.label).toEqual(expected.label);
  expect(Number(expected.label[0])).toBe(bundle.screening.golden.label);
  for (const name of ['latent', 'latentDistance', 'reconstructionError', 'reconstruction'] as const) {
    const [own, reference] = [actual[name], expected[name]] as [Float32Array, Float32Array];
    expect(own).toHaveLength(reference.length);
    reference.forEach((value, i) => {
      expect(own[i]).toBeCloseTo(value, 3);
    });
  }
});
