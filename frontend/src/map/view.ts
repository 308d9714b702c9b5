/** The map on the screen: draws, picks and moves points by their place, and knows nothing of requests. */

export type Dims = 2 | 3;
export type Theme = "light" | "dark";
export type Tool = "orbit" | "box" | "lasso";
export type RegionMode = "replace" | "add" | "remove";

/** Of a whole map: [least of each axis, greatest of each axis]. */
export type Bounds = readonly [readonly number[], readonly number[]];

/** The bits of a place's flag. */
export const SELECTED = 1;
export const HIDDEN = 2;
export const NEIGHBOUR = 4;
export const FALSE_NEIGHBOUR = 8;

/** The colour index of a place without a value. */
export const NO_COLOUR = 0xffff;

/** Where the eye is, as plain JSON, in the map's own units; angles in radians. */
export interface Camera {
  dims: Dims;
  target: [number, number, number];
  distance: number;
  azimuth: number;
  elevation: number;
}

/** A name shown at the centre of what bears it. */
export interface Label {
  text: string;
  centre: readonly number[];
  colour: string;
}

/** The thumbnails of the samples: pages of cells in the order of places, at several levels, each half the one before. */
export interface Pictures {
  cell: readonly [number, number];
  perPage: number;
  levels: number;
  page(level: number, page: number): Promise<ImageBitmap | null>;
}

export interface Modifiers {
  shift: boolean;
  ctrl: boolean;
  alt: boolean;
}

export interface MapEvents {
  hover(place: number | null): void;
  click(place: number | null, modifiers: Modifiers): void;
  region(places: Uint32Array, mode: RegionMode): void;
  camera(state: Camera): void;
  drawn(count: number, total: number): void;
}

/** Implemented by the renderer; this stub keeps what it is told and draws nothing. */
export class MapView {
  style: "points" | "pictures" = "points";
  pointSize = 4;
  pictureSize = 32;
  tool: Tool = "orbit";
  autoRotate = false;
  camera: Camera = { dims: 3, target: [0, 0, 0], distance: 3, azimuth: 0.6, elevation: 0.4 };
  protected listeners: { [Name in keyof MapEvents]?: MapEvents[Name][] } = {};

  constructor(protected readonly host: HTMLElement) {}

  on<Name extends keyof MapEvents>(name: Name, listener: MapEvents[Name]): () => void {
    const list = (this.listeners[name] ??= []) as MapEvents[Name][];
    list.push(listener);
    return () => {
      list.splice(list.indexOf(listener), 1);
    };
  }

  /** Forgets everything; places 0 … total-1 may come. */
  setSamples(_total: number): void {}

  /** A chunk of a map, in the order of places; the points of a new `map` move from where they are. */
  addPoints(
    _map: string,
    _dims: Dims,
    _bounds: Bounds,
    _from: number,
    _points: Float32Array,
    _present?: Uint8Array,
  ): void {}

  /** Up to 4096 colours, four bytes each. */
  setPalette(_rgba: Uint8Array): void {}

  /** Per place from `from` on: an index into the palette, or NO_COLOUR. */
  setColours(_from: number, _index: Uint16Array): void {}

  /** Per place: bits. When anything is selected, the rest is grey. */
  setFlags(_flags: Uint8Array): void {}

  setLabels(_labels: readonly Label[]): void {}

  setPictures(_pictures: Pictures | null): void {}

  flyTo(_places: Uint32Array): void {}

  fit(): void {}

  /** The place under a position in CSS pixels from the host's corner, over all points that have a position. */
  pick(_x: number, _y: number): number | null {
    return null;
  }

  /** The places inside a polygon of CSS pixels. */
  within(_polygon: readonly (readonly [number, number])[]): Uint32Array {
    return new Uint32Array();
  }

  setTheme(_theme: Theme): void {}

  setHovered(_place: number | null): void {}

  /** Times of drawn frames, milliseconds as of performance.now(), the latest last. */
  frames(): number[] {
    return [];
  }

  picture(): Promise<Blob> {
    return Promise.reject(new Error("nothing is drawn"));
  }

  dispose(): void {}
}
