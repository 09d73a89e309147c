declare module 'cloudflare:workers' {
  export const env: Record<string, unknown>;
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
declare module '*?raw' {
  const text: string;
  export default text;
}
