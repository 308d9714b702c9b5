/** The canvas that the map is drawn on: its size, and its graphics context, which may be taken away and come back. */

const MOST_PIXELS = 3840 * 2160;

/** Width and height in CSS pixels, and device pixels to each. */
export interface Size {
  width: number;
  height: number;
  ratio: number;
}

export interface SurfaceEvents {
  resized(): void;
  lost(): void;
  restored(): void;
}

export class Surface {
  readonly canvas = document.createElement("canvas");
  /** null where the browser offers none. */
  readonly gl: WebGL2RenderingContext | null;
  size: Size = { width: 1, height: 1, ratio: 1 };
  private readonly resizes: ResizeObserver;

  constructor(
    host: HTMLElement,
    private readonly events: SurfaceEvents,
  ) {
    if (getComputedStyle(host).position === "static") host.style.position = "relative";
    const { canvas } = this;
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "application");
    canvas.setAttribute(
      "aria-label",
      "Map of the points. Arrow keys turn or move it, plus and minus zoom, 0 shows all.",
    );
    // a browser's own outline would be painted anew with every frame; the page shows where the keyboard is
    canvas.style.cssText =
      "position:absolute;inset:0;width:100%;height:100%;touch-action:none;display:block;outline:none";
    canvas.style.visibility = "hidden"; // before anything is drawn on it, it is black
    host.append(canvas);
    const { width, height } = canvas.getBoundingClientRect();
    this.measure(width, height);
    this.fit(); // later the canvas would wait for all that its context was given to do before
    this.gl = canvas.getContext("webgl2", {
      antialias: false,
      alpha: false,
      powerPreference: "high-performance",
    });
    canvas.addEventListener("webglcontextlost", (event) => {
      event.preventDefault();
      events.lost();
    });
    canvas.addEventListener("webglcontextrestored", () => events.restored());
    this.resizes = new ResizeObserver(([entry]) => this.resized(entry!));
    this.resizes.observe(canvas);
  }

  /** Lets the canvas be seen: something is drawn on it. */
  reveal(): void {
    if (this.canvas.style.visibility) this.canvas.style.visibility = "";
  }

  private resized(entry: ResizeObserverEntry): void {
    if (this.measure(entry.contentRect.width, entry.contentRect.height)) this.events.resized();
  }

  /** Takes a size, unless it is none; returns whether it is another. */
  private measure(width: number, height: number): boolean {
    if (width < 1 || height < 1) return false;
    const before = this.size;
    const most = Math.sqrt(MOST_PIXELS / (width * height));
    this.size = { width, height, ratio: Math.min(devicePixelRatio, Math.max(1, most)) };
    return width !== before.width || height !== before.height || this.size.ratio !== before.ratio;
  }

  /** Makes the canvas as many device pixels large as it is seen; returns how many. */
  fit(): readonly [wide: number, high: number] {
    const { canvas } = this;
    const { width, height, ratio } = this.size;
    const [wide, high] = [Math.max(1, Math.round(width * ratio)), Math.max(1, Math.round(height * ratio))];
    if (canvas.width !== wide || canvas.height !== high) [canvas.width, canvas.height] = [wide, high];
    return [wide, high];
  }

  dispose(): void {
    this.resizes.disconnect();
    this.gl?.getExtension("WEBGL_lose_context")?.loseContext();
    this.canvas.remove();
  }
}
