export { convolve } from './convolve';
export { convolveThin } from './convolve-thin';
export { correlate } from './correlate';
export { correlateThin } from './correlate-thin';
export { packPanels, padImages, unpackPanels } from './pack';
export { averagePoolGradient, maxPoolGradient } from './pooling';
export { upSample, upSampleGradient } from './up-sample';
export { adamStep, reluGradient, sumRows } from './vectors';
export { addInputGradients, filterGradient, filterParts, gradientTiles, inputTiles, outputTiles } from './winograd';
