/**
 * Writes a set of rows as text that fits into an address: each row's distance from the one before, seven bits to a byte,
 * least first, the eighth bit saying that more follow; in the alphabet of base64url.
 */

export function rowsToText(rows: Uint32Array): string {
  const sorted = Uint32Array.from(rows).sort();
  const bytes: number[] = [];
  let before = 0;
  for (const row of sorted) {
    let gap = row - before;
    before = row;
    while (gap > 127) {
      bytes.push((gap % 128) | 128);
      gap = Math.floor(gap / 128);
    }
    bytes.push(gap);
  }
  const text = btoa(bytes.map((byte) => String.fromCharCode(byte)).join(""));
  return text.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** The rows of a text, ascending; null where it is none. */
export function textToRows(text: string): Uint32Array | null {
  let bytes: string;
  try {
    bytes = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  } catch {
    return null;
  }
  const rows: number[] = [];
  let row = 0;
  let gap = 0;
  let weight = 1;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes.charCodeAt(at);
    gap += (byte & 127) * weight;
    if (gap > 0xffffffff) return null;
    if (byte & 128) {
      weight *= 128;
      continue;
    }
    row += gap;
    rows.push(row);
    gap = 0;
    weight = 1;
  }
  return weight === 1 && row <= 0xffffffff ? Uint32Array.from(rows) : null;
}
