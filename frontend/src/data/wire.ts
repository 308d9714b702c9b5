/**
 * Reads wire format 1: the blocks of numbers that the server sends, described in `docs/dashboard.md`.
 *
 * The arrays are views on the answer's own buffer; nothing is copied.
 */

export type Numbers = Uint8Array | Uint16Array | Uint32Array | Float32Array;

export interface WireArray {
  values: Numbers;
  shape: readonly number[];
}

export interface WireBlock {
  kind: "order" | "points" | "column" | "rows";
  generation: string;
  total: number;
  from: number;
  count: number;
  arrays: ReadonlyMap<string, WireArray>;
  /** All that the header says, also what only some kinds have. */
  header: Readonly<Record<string, unknown>>;
}

/** An answer that is not what the format promises. */
export class BrokenBlock extends Error {
  override name = "BrokenBlock";
}

const MAGIC = 0x574c4d45; // "EMLW", least byte first
const VERSION = 1;
const PRELUDE_BYTES = 16;
const KINDS = new Set(["order", "points", "column", "rows"]);
const DTYPES = { u8: Uint8Array, u16: Uint16Array, u32: Uint32Array, f32: Float32Array };

/**
 * The block that an answer holds.
 *
 * @throws BrokenBlock: another format or version, or an answer that was cut off or contradicts itself.
 */
export function readBlock(buffer: ArrayBuffer): WireBlock {
  const header = readHeader(buffer);
  const bodyStart = PRELUDE_BYTES + new DataView(buffer).getUint32(8, true);
  const kind = header.kind as WireBlock["kind"];
  if (!KINDS.has(kind)) throw new BrokenBlock(`The server sent a block of kind ${JSON.stringify(header.kind)}.`);
  const block = {
    kind,
    generation: String(header.generation ?? ""),
    total: whole(header.total, "total"),
    from: whole(header.from ?? 0, "from"),
    count: whole(header.count, "count"),
    arrays: new Map<string, WireArray>(),
    header,
  };
  if (!Array.isArray(header.arrays)) throw new BrokenBlock("The block lists no arrays.");
  for (const each of header.arrays) block.arrays.set(String(each.name), readArray(buffer, bodyStart, each));
  return block;
}

function readHeader(buffer: ArrayBuffer): Record<string, unknown> {
  if (buffer.byteLength < PRELUDE_BYTES) throw new BrokenBlock("The block ends before it begins.");
  const prelude = new DataView(buffer);
  if (prelude.getUint32(0, true) !== MAGIC) throw new BrokenBlock("This is no block of Embedding Lab.");
  const version = prelude.getUint16(4, true);
  if (version !== VERSION) {
    throw new BrokenBlock(
      `The server speaks version ${version} of the wire format and this page version ${VERSION}. Reload the page.`,
    );
  }
  const length = prelude.getUint32(8, true);
  if (length % 8 || PRELUDE_BYTES + length > buffer.byteLength) {
    throw new BrokenBlock(`The block's header of ${length} bytes does not fit into ${buffer.byteLength}.`);
  }
  try {
    const read: unknown = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, PRELUDE_BYTES, length)));
    if (typeof read === "object" && read !== null && !Array.isArray(read)) return read as Record<string, unknown>;
  } catch {
    // the sentence below says it
  }
  throw new BrokenBlock("The block's header is no JSON object.");
}

function readArray(buffer: ArrayBuffer, bodyStart: number, described: Record<string, unknown>): WireArray {
  const kind = DTYPES[described.dtype as keyof typeof DTYPES];
  const shape = described.shape;
  if (!kind || !Array.isArray(shape)) {
    throw new BrokenBlock(`The block has an array of type ${JSON.stringify(described.dtype)}.`);
  }
  const count = shape.reduce((product: number, each) => product * whole(each, "shape"), 1);
  const start = bodyStart + whole(described.offset, "offset");
  if (start % 8 || start + count * kind.BYTES_PER_ELEMENT > buffer.byteLength) {
    throw new BrokenBlock(`Array ${JSON.stringify(described.name)} does not fit into the block: it was cut off.`);
  }
  return { values: new kind(buffer, start, count), shape };
}

function whole(value: unknown, what: string): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw new BrokenBlock(`The block's ${what} is ${JSON.stringify(value)}, not a whole number.`);
}
