/** A table that scrolls where it is too wide; heads are text, cells HTML. A row of one cell is a heading over all columns. */
export function table(heads: readonly string[], rows: readonly (readonly string[])[], kind = ''): string {
  const line = (tag: 'th' | 'td', cells: readonly string[]) => `<tr>${cells.map((cell) => `<${tag}>${cell}</${tag}>`).join('')}</tr>`;
  const body = rows.map((row) =>
    row.length === 1 ? `<tr class="over"><td colspan="${heads.length}">${row[0]}</td></tr>` : line('td', row),
  );
  return `<div class="scroll"><table${kind ? ` class="${kind}"` : ''}><thead>${line('th', heads)}</thead><tbody>${body.join('')}</tbody></table></div>`;
}
