export default {
  base: './',
  // Vite's development server would put the package into one file, away from its WebAssembly.
  optimizeDeps: { exclude: ['portcullis'] },
  build: { target: 'es2022' },
};
