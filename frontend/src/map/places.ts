/** What the graphics memory holds of every place: a buffer per property, filled chunk by chunk, and the lists to draw. */

import type { Order } from "./order";
import type { Samples } from "./samples";

type Part = "front" | "back";

export class Places {
  private readonly array: WebGLVertexArrayObject;
  private positions: WebGLBuffer;
  private previous: WebGLBuffer | null = null;
  private readonly colours: WebGLBuffer;
  private readonly flags: WebGLBuffer;
  private readonly lists: Record<Part, WebGLBuffer>;
  private readonly properties: WebGLBuffer[] = [];
  private order: Order = { front: new Uint32Array(), back: null, count: 0 };

  /** Holds what the samples hold now; later changes are told. */
  constructor(
    private readonly gl: WebGL2RenderingContext,
    private readonly samples: Samples,
  ) {
    const { total, arrived, positions, previous, colours, flags } = samples;
    this.array = gl.createVertexArray();
    // what has not arrived yet comes with it: of millions there is nothing to send before
    this.positions = this.filled(12 * total, positions.subarray(0, 3 * arrived));
    if (previous) this.previous = this.filled(12 * total, previous);
    this.colours = this.filled(2 * total, colours.subarray(0, arrived));
    this.flags = this.filled(total, flags);
    this.lists = { front: gl.createBuffer(), back: gl.createBuffer() };
    this.connect();
  }

  private filled(bytes: number, data: ArrayBufferView): WebGLBuffer {
    const { gl } = this;
    const buffer = gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.bufferData(gl.ARRAY_BUFFER, Math.max(1, bytes), gl.DYNAMIC_DRAW);
    gl.bufferSubData(gl.ARRAY_BUFFER, 0, data);
    return buffer;
  }

  private connect(): void {
    const { gl } = this;
    gl.bindVertexArray(this.array);
    for (const [at, buffer] of [this.positions, this.previous ?? this.positions].entries()) {
      gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
      gl.enableVertexAttribArray(at);
      gl.vertexAttribPointer(at, 3, gl.FLOAT, false, 0, 0);
    }
    for (const [at, buffer, type] of [
      [2, this.colours, gl.UNSIGNED_SHORT],
      [3, this.flags, gl.UNSIGNED_BYTE],
    ] as const) {
      gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
      gl.enableVertexAttribArray(at);
      gl.vertexAttribIPointer(at, 1, type, 0, 0);
    }
    gl.bindVertexArray(null);
  }

  /** Another map began: its points are to come. Where `interrupted`, the points had not arrived at the last one. */
  mapBegan(interrupted: boolean): void {
    const { samples } = this;
    if (samples.previous) {
      const spare = this.previous ?? this.filled(12 * samples.total, new Uint8Array());
      [this.previous, this.positions] = [this.positions, spare];
      const from = interrupted ? 0 : 3 * samples.arrivedBefore; // those after it were nowhere
      this.write(this.previous, samples.previous, from, 3 * samples.total - from);
    }
    this.connect();
  }

  /** The points have arrived where they belong: where they came from is forgotten. */
  mapSettled(): void {
    this.gl.deleteBuffer(this.previous);
    this.previous = null;
    this.connect();
  }

  /** Points have come; their colours may have come before them. */
  pointsChanged(from: number, count: number): void {
    this.write(this.positions, this.samples.positions, 3 * from, 3 * count);
    this.coloursChanged(from, count);
  }

  coloursChanged(from: number, count: number): void {
    this.write(this.colours, this.samples.colours, from, count);
  }

  flagsChanged(): void {
    this.write(this.flags, this.samples.flags, 0, this.samples.total);
  }

  private write(
    buffer: WebGLBuffer,
    all: Float32Array | Uint16Array | Uint8Array,
    from: number,
    count: number,
  ): void {
    const { gl } = this;
    if (count === 0) return;
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.bufferSubData(gl.ARRAY_BUFFER, from * all.BYTES_PER_ELEMENT, all, from, count);
  }

  orderChanged(order: Order): void {
    const { gl } = this;
    this.order = order;
    gl.bindVertexArray(null);
    for (const part of ["front", "back"] as const) {
      const list = order[part];
      if (!list?.length) continue;
      gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.lists[part]);
      gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, list, gl.DYNAMIC_DRAW);
    }
  }

  /** A layer's own property of every place, at an attribute's location; it lives as long as these places. */
  property(location: number, values: Uint16Array): WebGLBuffer {
    const { gl } = this;
    const buffer = this.filled(values.byteLength, values);
    this.properties.push(buffer);
    gl.bindVertexArray(this.array);
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.enableVertexAttribArray(location);
    gl.vertexAttribIPointer(location, 1, gl.UNSIGNED_SHORT, 0, 0);
    gl.bindVertexArray(null);
    return buffer;
  }

  /** Draws the places from `from` to `from + count` of the order, with the program in use. */
  draw(from: number, count: number): void {
    const inFront = this.order.front.length;
    this.drawPart("back", Math.max(from, inFront) - inFront, Math.max(from + count, inFront) - inFront);
    this.drawPart("front", Math.min(from, inFront), Math.min(from + count, inFront));
  }

  private drawPart(part: Part, from: number, end: number): void {
    if (end <= from) return;
    const { gl } = this;
    gl.bindVertexArray(this.array);
    if (this.order[part]) {
      gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.lists[part]);
      gl.drawElements(gl.POINTS, end - from, gl.UNSIGNED_INT, 4 * from);
    } else gl.drawArrays(gl.POINTS, from, end - from);
    gl.bindVertexArray(null);
  }

  dispose(): void {
    const { gl } = this;
    const { positions, previous, colours, flags, lists, properties } = this;
    for (const each of [positions, previous, colours, flags, ...Object.values(lists), ...properties])
      gl.deleteBuffer(each);
    gl.deleteVertexArray(this.array);
  }
}
