/** The camera in motion: flights from view to view, slow turning, and how far the rays are from parallel. */

import {
  between,
  type Camera,
  checkedCamera,
  clipMatrix,
  DEEP,
  type Dims,
  FLAT,
  facing,
  type Viewport,
} from "./camera";
import type { Sphere } from "./extent";
import { duration, Motion } from "./motion";

const FLIGHT_MS = 700;
const TURN_PER_MS = 0.00022;

interface Flight {
  from: Camera;
  to: Camera;
  bentFrom: number;
  motion: Motion;
}

export class Eye {
  camera: Camera = { ...DEEP };
  autoRotate = false;
  /** Whether it still looks at everything, as `home` left it: then a new map is looked at as a whole too. */
  atHome = true;
  /** 0: parallel rays, 1: full perspective. */
  private bent = 1;
  private flight: Flight | null = null;
  private last = 0;

  /** From a hand or a script: at once, and ending what was under way. */
  set(camera: Camera): void {
    this.flight = null;
    this.atHome = false;
    this.camera = camera;
    this.bent = camera.dims === 3 ? 1 : 0;
  }

  setFrom(given: Partial<Camera>): void {
    this.set(checkedCamera(given, this.camera));
  }

  /** Looks at a sphere, on the way from here, or at once. */
  lookAt(sphere: Sphere, now: number, fly: boolean): void {
    this.flyTo(facing(this.goal, sphere.centre, sphere.radius), now, fly);
  }

  /** Looks at everything. */
  home(sphere: Sphere, now: number, fly: boolean): void {
    this.lookAt(sphere, now, fly);
    this.atHome = true;
  }

  /** Sees a map of so many dimensions as such: from above, or aslant. */
  become(dims: Dims, now: number, fly: boolean): void {
    const { azimuth, elevation } = begin(dims);
    this.flyTo({ ...this.goal, dims, azimuth, elevation }, now, fly);
  }

  private get goal(): Camera {
    return this.flight?.to ?? this.camera;
  }

  private flyTo(to: Camera, now: number, fly: boolean): void {
    if (!fly) {
      const { atHome } = this;
      this.set(to);
      this.atHome = atHome;
      return;
    }
    this.flight = { from: this.camera, to, bentFrom: this.bent, motion: new Motion(now, duration(FLIGHT_MS)) };
  }

  /** Goes on to this time; returns whether anything moved. */
  advance(now: number): boolean {
    const passed = Math.min(100, now - this.last);
    this.last = now;
    if (this.flight) {
      const { from, to, bentFrom, motion } = this.flight;
      const t = motion.at(now);
      this.camera = between(from, to, t);
      this.bent = bentFrom + t * ((to.dims === 3 ? 1 : 0) - bentFrom);
      if (motion.over(now)) [this.flight, this.camera] = [null, to];
      return true;
    }
    if (!this.autoRotate || this.camera.dims === 2) return false;
    this.camera = { ...this.camera, azimuth: (this.camera.azimuth - passed * TURN_PER_MS) % (2 * Math.PI) };
    return true;
  }

  /** Whether it stands as on any map that nobody moved. */
  get untouched(): boolean {
    const { dims, azimuth, elevation } = this.camera;
    const first = begin(dims);
    return this.atHome && !this.flight && azimuth === first.azimuth && elevation === first.elevation;
  }

  get isFlat(): boolean {
    return this.bent === 0;
  }

  clip(view: Viewport, radius: number): Float64Array {
    return clipMatrix(this.camera, view, this.bent, radius);
  }

  /** For view and depth cues: how much fog, and over how much depth. */
  fog(radius: number): readonly [strength: number, depth: number] {
    const reach = Math.min(radius, 1.2 * this.camera.distance);
    return [0.62 * this.bent, Math.max(1e-3, (this.bent * reach) / this.camera.distance)];
  }
}

/** How maps of so many dimensions are looked at first. */
function begin(dims: Dims): Camera {
  return dims === 2 ? FLAT : DEEP;
}
