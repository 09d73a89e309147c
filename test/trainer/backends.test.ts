import { describe, expect, it } from 'vitest';
import { backends, chooseBackend, perThreadBackends, useBackendAgain, useBackendInThread } from '../../trainer/backend/backends.ts';

describe('the list of backends', () => {
  it.each([
    ['tfjs-backend-wasm 4.22.0', 'wasm'],
    ['tfjs-node 4.22.0 on TensorFlow 2.21.0, cpu', 'native'],
    ['tfjs-node 4.22.0 on TensorFlow 2.21.0, cuda', 'cuda'],
    ['tfjs-backend-webgpu 4.22.0 on SwiftShader driver 5.0.0 (google, swiftshader) through Vulkan', 'webgpu'],
  ])('knows the backend of an older run that recorded only "%s"', (description, name) => {
    expect(backends.filter(({ descriptionPattern }) => descriptionPattern.test(description)).map((kind) => kind.name)).toEqual([name]);
  });

  it('refuses a run of a backend that this version does not have', async () => {
    await expect(useBackendAgain({ backend: 'tfjs-backend-abacus 1.0', threads: 1 })).rejects.toThrow(/only cuda, native, webgpu, wasm/);
    const run = { backend: 'tfjs-backend-wasm 4.22.0', backendName: 'abacus', threads: 1 };
    await expect(useBackendAgain(run)).rejects.toThrow(/was started with tfjs-backend-wasm 4.22.0 and continues with that backend only/);
  });

  it('gives threads of an evaluation only backends that compute on cores', async () => {
    const perThread = perThreadBackends.map(({ name }) => name);
    expect(perThread).toEqual(expect.arrayContaining(['native', 'wasm']));
    for (const other of ['cuda', 'webgpu']) expect(perThread).not.toContain(other);
    await expect(chooseBackend('webgpu', [], perThreadBackends)).rejects.toThrow(`--backend takes auto, ${perThread.join(', ')}`);
    await expect(useBackendInThread({ name: 'webgpu' })).rejects.toThrow(/webgpu can't be used in a further thread/);
  });
});
