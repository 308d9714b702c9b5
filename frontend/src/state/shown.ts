/** Which part of what there is the view looks at: a run, a layer, a step, a map. */

import { computed, signal } from "@preact/signals-core";
import type { MapInfo, Overview, RunInfo, SetKey, StepInfo } from "../data/source";
import { likeNamed, mostMapped, newest, preferred } from "./first_look";
import { View } from "./view";

/** So many samples take a page about a gigabyte, in its own memory and the graphics card's. */
const MOST_HELD = 20_000_000;

export class Shown {
  readonly view = new View();
  readonly overview = signal<Overview | null>(null);

  private opened: string | null = null;

  readonly run = computed<RunInfo | null>(() => {
    const runs = this.overview.value?.runs ?? [];
    const named = (name: string | null) => runs.find((each) => each.name === name);
    const found = named(this.view.run.value) ?? named(this.opened) ?? newest(runs);
    this.opened = found?.name ?? null; // what opened by itself stays, whichever run is written to next
    return found;
  });
  readonly layer = computed(() => {
    const layers = this.run.value?.layers ?? [];
    return layers.find((each) => each.name === this.view.layer.value) ?? mostMapped(layers);
  });
  readonly step = computed<StepInfo | null>(() => {
    const steps = this.layer.value?.steps ?? [];
    return steps.find((each) => each.step === this.view.step.value) ?? steps.at(-1) ?? null;
  });
  readonly map = computed<MapInfo | null>(() => {
    const maps = this.step.value?.maps ?? [];
    const wanted = this.view.map.value;
    return maps.find((each) => each.name === wanted) ?? likeNamed(maps, wanted) ?? preferred(maps);
  });
  /** As text, so that what depends on it starts anew only when another set is shown. */
  readonly setText = computed(() => {
    const [run, layer, step] = [this.run.value, this.layer.value, this.step.value];
    return run && layer && step ? JSON.stringify({ run: run.name, layer: layer.name, step: step.step }) : null;
  });
  readonly set = computed<SetKey | null>(() => (this.setText.value ? JSON.parse(this.setText.value) : null));
  readonly setGeneration = computed(() => this.step.value?.generation ?? null);
  /** Equal where the samples are the same in the same order, over layers and steps of a run. */
  readonly samplesText = computed(() => {
    const [run, step] = [this.run.value, this.step.value];
    return run && step ? JSON.stringify([run.name, step.samples, step.rows]) : null;
  });
  readonly total = computed(() => this.step.value?.rows ?? 0);
  /** How many of them the page holds: of very many a beginning of the fair order, which is a fair sample. */
  readonly held = computed(() => Math.min(this.total.value, MOST_HELD));
  readonly mapName = computed(() => this.map.value?.name ?? null);
  /** Changes with every new state of the map. */
  readonly mapText = computed(() => {
    const map = this.map.value;
    return map && this.setText.value ? JSON.stringify([this.setText.value, map.name, map.generation]) : null;
  });
}
