export { convolve } from './convolve';
export { correlate } from './correlate';
export { packPanels, padImages, unpackPanels } from './pack';
export { maxPoolGradient, upSample, upSampleGradient } from './resampling';
export { adamStep, reluGradient, sumRows } from './vectors';
