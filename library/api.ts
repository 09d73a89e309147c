// What the entries of every platform have.
export { UnfitError } from '../shared/bundle/admit.ts';
export { type Bundle, BundleError, type ReadFile } from '../shared/bundle/open-bundle.ts';
export type { GraphName, Screening } from '../shared/bundle/screening-schema.ts';
export type { Reason } from '../shared/decision/decide.ts';
export type { Scores } from '../shared/decision/scores.ts';
export type { ImageLimits } from '../shared/images/limits.ts';
export type { LocalSearch, Screen, ScreenOutput, WriteImage } from '../shared/runtime/screen.ts';
export type { Reasons } from '../shared/screening/explain.ts';
export { UsageError, UserError } from '../shared/user-error.ts';
export type { ForceOption } from './admit.ts';
export { type BundleFiles, bundleOf, type FileContent, fetchBundle, readBundle, type ScreeningBundle } from './bundle.ts';
export type { ImageInput, ImageProblem, Pixels } from './images.ts';
export type * from './results.ts';
export type { LoadModule } from './runtimes/kernels.ts';
export type { Opened, Runtime } from './runtimes/runtime.ts';
export type { Screener, ScreenerOptions } from './screener.ts';
