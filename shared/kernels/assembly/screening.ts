export { rectify, sigmoid } from './activations';
export { convolve } from './convolve';
export { add, maximum, minimum, multiply, subtract } from './elementwise';
export { multiplyVector, multiplyWithBounds } from './multiply-vector';
export { placeRows } from './pack';
export { maxPool, upSample } from './resampling';
