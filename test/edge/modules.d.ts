declare module 'cloudflare:workers' {
  export const exports: { default: { fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response> } };
}
declare module '*.png' {
  const bytes: ArrayBuffer;
  export default bytes;
}
declare module '*.jpg' {
  const bytes: ArrayBuffer;
  export default bytes;
}
