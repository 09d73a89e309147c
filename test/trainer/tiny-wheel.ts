import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Manifest } from '../../trainer/backend/install/manifests.ts';

/** A wheel as pip takes it, with files of so many zero bytes, and the manifest that installs it. */
export function tinyWheel(folder: string, name: string, files: Record<string, number>): Manifest {
  const script = `
import json, sys, zipfile
path, name, files = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
info = f"{name}-1.0.dist-info"
with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
    for file, size in files.items():
        with wheel.open(file, "w") as out:
            for _ in range(0, size, 1 << 20):
                out.write(bytes(min(size, 1 << 20)))
    wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\\nName: {name}\\nVersion: 1.0\\n")
    wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: false\\nTag: cp311-cp311-manylinux_2_27_x86_64\\n")
    wheel.writestr(f"{info}/RECORD", "")
`;
  const path = join(folder, `${name}-1.0-cp311-cp311-manylinux_2_27_x86_64.whl`);
  execFileSync('python3', ['-c', script, path, name, JSON.stringify(files)]);
  const sha256 = createHash('sha256').update(readFileSync(path)).digest('hex');
  return {
    ...{ name: `tensorflow-cpu-1.0-${name}`, contents: { kind: 'cpu', tensorflow: '1.0' }, platforms: ['manylinux_2_27_x86_64'] },
    wheels: [{ requirement: `${name}==1.0`, sha256, bytes: statSync(path).size }],
    keep: ['tensorflow/*.so.2', 'tensorflow/include/*'],
    libraries: ['tensorflow/libtensorflow_cc.so.2'],
    unpacked: Object.values(files).reduce((sum, size) => sum + size, 0),
  };
}
