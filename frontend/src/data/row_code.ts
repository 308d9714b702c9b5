/**
 * Writes a set of rows as text, for addresses and requests: each row's distance from the one before, seven bits to a
 * byte, least first, the eighth bit saying that more follow; in the alphabet of base64url. `row_code.py` does the same.
 */

const LETTERS = new TextEncoder().encode("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");
const ENOUGH_BYTES = 5;

/** The text of rows, which are ascending. */
export function rowsToText(rows: Uint32Array): string {
  const bytes = new Uint8Array(ENOUGH_BYTES * rows.length + 2); // of the last letters a part may stand for nothing
  let end = 0;
  let before = 0;
  for (let at = 0; at < rows.length; at++) {
    let gap = rows[at]! - before;
    before = rows[at]!;
    for (; gap > 127; gap = Math.floor(gap / 128)) bytes[end++] = (gap % 128) | 128;
    bytes[end++] = gap;
  }
  const text = new Uint8Array(4 * Math.ceil(end / 3));
  for (let at = 0, letter = 0; at < end; at += 3) {
    const three = (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!;
    text[letter++] = LETTERS[three >> 18]!;
    text[letter++] = LETTERS[(three >> 12) & 63]!;
    text[letter++] = LETTERS[(three >> 6) & 63]!;
    text[letter++] = LETTERS[three & 63]!;
  }
  return new TextDecoder().decode(text.subarray(0, Math.ceil((4 * end) / 3)));
}

/** The rows of a text, ascending; null where it is none. */
export function textToRows(text: string): Uint32Array | null {
  let bytes: string;
  try {
    bytes = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  } catch {
    return null;
  }
  const rows = new Uint32Array(bytes.length);
  let count = 0;
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
    rows[count++] = row;
    gap = 0;
    weight = 1;
  }
  return weight === 1 && row <= 0xffffffff ? rows.slice(0, count) : null;
}
