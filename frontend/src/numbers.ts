/** Says numbers the way people read them. */

/** With commas between the thousands; the first time, the browser's own way takes as long as a frame. */
export function whole(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ",");
}

export function samplesOf(count: number): string {
  return `${whole(count)} ${count === 1 ? "sample" : "samples"}`;
}

export function percent(share: number): string {
  return `${Math.round(100 * share)} %`;
}

/** A value in as few digits as tell it. */
export function brief(value: unknown): string {
  if (value === null || value === undefined || value === "") return "–";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value !== "number") return String(value);
  if (Number.isInteger(value)) return whole(value);
  const size = Math.abs(value);
  return size !== 0 && (size < 1e-3 || size >= 1e6) ? value.toExponential(2) : String(Number(value.toPrecision(4)));
}
