/** Returns an element of the page. @throws Error if the page has none of that type */
export function byId<T extends HTMLElement>(id: string, type: { new (): T; readonly name: string }): T {
  const found = document.getElementById(id);
  if (found instanceof type) return found;
  throw new Error(`the page has no ${type.name} #${id}`);
}

export const text = (id: string, content: string) => {
  byId(id, HTMLElement).textContent = content;
};

/** Makes an element; a property is set as the DOM has it. */
export function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  properties: Partial<HTMLElementTagNameMap[Name]> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[Name] {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

/** Makes an SVG element. */
export function svg(name: string, attributes: Record<string, string | number>, ...children: (Node | string)[]): SVGElement {
  const made = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  made.append(...children);
  return made;
}

const numbers = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 });
/** Formats a number with three digits. */
export const shown = (value: number) => (value >= 1000 ? Math.round(value).toLocaleString('en') : numbers.format(value));
export const percent = (share: number) => `${numbers.format(100 * share)} %`;
