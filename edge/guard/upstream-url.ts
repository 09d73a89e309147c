/** Splits the path of an inference URL: everything before the protocol's part, the model's name, its version. */
const INFER = /^(.*)\/v2\/models\/([^/]+)(\/versions\/[^/]+)?\/infer\/?$/;

/** A name or a version that is one segment of a path, which no `.` or `..` leads out of. */
export const PATH_SEGMENT = /^(?!\.+$)[\w.-]{1,128}$/;

/** Returns the model's name in the URL of an inference request (Open Inference Protocol v2); null where it is another URL. */
export function modelOfUrl(url: string): string | null {
  const name = URL.canParse(url) ? INFER.exec(new URL(url).pathname)?.[2] : undefined;
  return name ?? null;
}

/**
 * Makes a URL of the classifier's model.
 *
 * @param upstream UPSTREAM_URL: where inference requests go, or the server's root
 * @param model the classifier's name
 * @param end what is asked of it, such as `/infer` and `/ready`; empty for its metadata
 * @param version the one that the client names; without it, the one in `upstream`, if there is one
 */
export function modelUrl(upstream: string, model: string, end: string, version?: string): URL {
  const url = new URL(upstream);
  const whole = INFER.exec(url.pathname);
  const [, root, name, configured = ''] = whole ?? [undefined, url.pathname.replace(/\/(v2\/?)?$/, ''), encodeURIComponent(model)];
  url.pathname = `${root}/v2/models/${name}${version === undefined ? configured : `/versions/${version}`}${end}`;
  return url;
}
