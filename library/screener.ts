import type { ImageLimits } from '../shared/images/limits.ts';
import { writeInput } from '../shared/screening/input.ts';
import { type Screened, screenImages } from '../shared/screening/screen-images.ts';
import { UsageError } from '../shared/user-error.ts';
import type { ForceOption } from './admit.ts';
import type { ScreeningBundle } from './bundle.ts';
import { type ImageInput, imagePreparer, type UnreadableImage } from './images.ts';
import { checkMargin, explained, reclassifyResult, screenResult, unreadable } from './make-results.ts';
import { openModel } from './open-model.ts';
import { searchOpener } from './open-search.ts';
import type { Explained, ReclassifyOptions, ReclassifyResult, ScreenerInfo, ScreenResult } from './results.ts';
import { kernels, type LoadModule } from './runtimes/kernels.ts';
import type { Runtime } from './runtimes/runtime.ts';

/** The settings of a screener. */
export interface ScreenerOptions extends ForceOption {
  /** Runs `screen.onnx`. Default: the project's own kernels. */
  runtime?: Runtime;
  /** Runs the search, `reclassify.onnx`. Default: `runtime`, if it can. */
  searchRuntime?: Runtime;
  /** Limits of one image; the worker's defaults for those that are left out. */
  limits?: Partial<ImageLimits>;
  /** Gives the WebAssembly modules from elsewhere than the package: `kernels`, and decoders by the name of their format. */
  loadModule?: LoadModule;
}

/** Screens images with one model. Its methods may be called at the same time. */
export interface Screener {
  readonly info: ScreenerInfo;
  /** Returns the verdict on an image. @throws Error if the model can't be run; never answers `accepted` then */
  screen(image: ImageInput): Promise<ScreenResult>;
  /** Returns the verdicts on images, in order; one that can't be read has a verdict `unreadable` in its place. */
  screen(images: readonly ImageInput[]): Promise<ScreenResult[]>;
  /**
   * Searches the class of an image that was rejected (Eq. 9), which takes some hundred times as long as screening.
   *
   * @throws UsageError if the runtime can't search, or the margin is no rule for this model
   */
  reclassify(image: ImageInput, options?: ReclassifyOptions): Promise<ReclassifyResult>;
  /** Returns the verdict with scores, thresholds, the model's input, the reconstruction and the latent. */
  explain(image: ImageInput): Promise<Explained>;
  /** Waits for what is running and frees the memory. Later calls are refused. */
  close(): Promise<void>;
}

/** The most images of a run: the tensors of all of them are in memory. */
const AT_ONCE = 64;

/**
 * Opens a bundle's graph and runs the golden image, so that a machine that computes something else screens nothing.
 *
 * @param load gives the WebAssembly modules of the platform
 * @param bundle one that was admitted: its fitness is not judged here
 * @throws UserError if the runtime can't open the graph, or does not compute what the model did when it was exported
 */
export async function openScreener(
  load: LoadModule,
  bundle: ScreeningBundle,
  options: Omit<ScreenerOptions, 'force'> = {},
): Promise<Screener> {
  const { screening } = bundle;
  const { loadModule = load, runtime = kernels(loadModule), searchRuntime = runtime, limits } = options;
  const { name, id, classes, input, preprocess } = screening;
  const prepare = imagePreparer(screening, loadModule, limits);
  const { model, opened } = await openModel(bundle, runtime);
  const { provider, instead } = opened;
  const search = searchOpener(bundle, searchRuntime);
  const running = new Set<Promise<unknown>>();
  let closed: Promise<void> | undefined;
  /** Runs work that `close` waits for. */
  const whileOpen = <T>(work: () => Promise<T>): Promise<T> => {
    if (closed) return Promise.reject(new UsageError('The screener is closed. Create another.'));
    const result = work();
    const settled: Promise<unknown> = result.catch(() => undefined).finally(() => running.delete(settled));
    running.add(settled);
    return result;
  };

  const screenAll = async (images: readonly ImageInput[], explain: boolean) => {
    const screened: Screened<UnreadableImage>[] = [];
    for (let first = 0; first < images.length; first += AT_ONCE) {
      const sources = await Promise.all(Array.from(images.slice(first, first + AT_ONCE), prepare));
      screened.push(...(await screenImages(sources, model, { explain, keepRejected: false })));
    }
    return screened;
  };
  const screenOne = async (image: ImageInput, explain: boolean) => (await screenAll([image], explain))[0] as Screened<UnreadableImage>;

  function screen(image: ImageInput): Promise<ScreenResult>;
  function screen(images: readonly ImageInput[]): Promise<ScreenResult[]>;
  function screen(given: ImageInput | readonly ImageInput[]): Promise<ScreenResult | ScreenResult[]> {
    return whileOpen<ScreenResult | ScreenResult[]>(async () => {
      if (Array.isArray(given)) return (await screenAll(given, false)).map((one) => screenResult(one, screening));
      return screenResult(await screenOne(given as ImageInput, false), screening);
    });
  }
  return {
    info: { id, name, classes, input, preprocess, runtime: runtime.name, provider, ...(instead ? { instead } : {}), screening },
    screen,
    explain: (image) => whileOpen(async () => explained(await screenOne(image, true), screening)),
    reclassify: (image, rule) =>
      whileOpen(async () => {
        checkMargin(rule, screening);
        const { search: run } = await search.open();
        const read = (await prepare(image))();
        if (read instanceof Error) return unreadable(read);
        const tensor = new Float32Array(input.height * input.width * input.channels);
        writeInput(read, screening, tensor);
        return reclassifyResult(await run(tensor), rule, screening);
      }),
    close() {
      closed ??= Promise.all(running).then(async () => void (await Promise.all([opened.close(), search.close()])));
      return closed;
    },
  };
}
