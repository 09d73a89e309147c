export { rectify, sigmoid } from './activations';
export { convolve } from './convolve';
export { multiplyVector } from './multiply-vector';
export { placeRows } from './pack';
export { maxPool, upSample } from './resampling';
