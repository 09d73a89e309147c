import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

/** Commands of Chromium and of Chrome, as systems name them. */
const COMMANDS = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'];

/** WebGPU on SwiftShader, which computes it on the processor: right, and slow. */
const SOFTWARE_WEBGPU = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader', '--enable-features=Vulkan'];

/** Returns the path of an installed browser: that in the variable CHROMIUM, else the first on the PATH; null if there is none. */
export function findChromium(): string | null {
  const folders = (process.env.PATH ?? '').split(delimiter);
  const found = COMMANDS.flatMap((command) => folders.map((folder) => join(folder, command))).find((file) => existsSync(file));
  return process.env.CHROMIUM || found || null;
}

/**
 * Starts an installed Chromium without a window. Nothing is downloaded.
 *
 * @param webgpu gives pages WebGPU, by software
 * @param args more arguments of its command line
 * @throws Error if there is no browser, or it does not start
 */
export function startChromium(webgpu: boolean, args: readonly string[] = []): Promise<Browser> {
  const executablePath = findChromium();
  if (!executablePath) throw new Error(`there is no browser on the PATH (${COMMANDS.join(', ')}); name one in the variable CHROMIUM`);
  return chromium.launch({ executablePath, args: ['--no-sandbox', ...(webgpu ? SOFTWARE_WEBGPU : ['--disable-gpu']), ...args] });
}
