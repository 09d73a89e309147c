import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** Where Debian's chromium and Chrome keep SwiftShader, a Vulkan driver that computes on the processor, and a Vulkan loader. */
const FOLDERS = ['/usr/lib/chromium', '/opt/google/chrome'];
const FILES = ['libvk_swiftshader.so', 'vk_swiftshader_icd.json', 'libvulkan.so.1'];

/** The environment of a process whose only adapter is SwiftShader; null, with the reason on the console, where it is not installed. */
export function swiftShader(): NodeJS.ProcessEnv | null {
  const folder = FOLDERS.find((folder) => FILES.every((file) => existsSync(join(folder, file))));
  if (!folder) {
    console.warn(
      `SKIPPED, webgpu is not compared with wasm: no SwiftShader in ${FOLDERS.join(' or ')} (Debian: apt-get install chromium-common)`,
    );
    return null;
  }
  const driver = join(folder, 'vk_swiftshader_icd.json');
  const libraries = [folder, process.env.LD_LIBRARY_PATH].filter(Boolean).join(':');
  // The second name is that of loaders before 1.3.207.
  return { ...process.env, VK_DRIVER_FILES: driver, VK_ICD_FILENAMES: driver, LD_LIBRARY_PATH: libraries };
}
