/** New maps: asking for one, and how far those that are being made are. */

import { effect, signal } from "@preact/signals-core";
import type { Job } from "../data/source";
import { whole } from "../numbers";
import { isAtWork, type Lab } from "../state/lab";
import { problemOf } from "../state/problem";
import { type Child, fill, h, iconButton, live } from "./dom";
import { methodName } from "./top_bar";

interface Parameter {
  name: string;
  label: string;
  value: number;
  least: number;
  greatest: number;
  step: number;
  meaning: string;
}

const METHODS: Record<string, { about: string; parameters: readonly Parameter[] }> = {
  pca: {
    about: "The directions in which the samples vary most. Seconds; distances far apart are honest.",
    parameters: [],
  },
  tsne: {
    about: "Keeps neighbours together. Forms before your eyes; sizes and gaps of groups mean little.",
    parameters: [
      {
        name: "perplexity",
        label: "Perplexity",
        value: 30,
        least: 2,
        greatest: 200,
        step: 1,
        meaning: "about how many neighbours each sample attends to",
      },
    ],
  },
  umap: {
    about: "Keeps neighbours and some of the large shape. Shows its progress, not its forming.",
    parameters: [
      {
        name: "n_neighbors",
        label: "Neighbours",
        value: 15,
        least: 2,
        greatest: 200,
        step: 1,
        meaning: "few: fine detail; many: the large shape",
      },
      {
        name: "min_dist",
        label: "Least distance",
        value: 0.1,
        least: 0,
        greatest: 0.99,
        step: 0.01,
        meaning: "how tightly samples may lie together",
      },
    ],
  },
};

const LATELY_SECONDS = 24 * 3600;

export interface NewMapDialog {
  element: HTMLDialogElement;
  open(): void;
}

export function newMapDialog(lab: Lab): NewMapDialog {
  const method = signal("tsne");
  const inputs = new Map<string, HTMLInputElement>();
  const methods = h(
    "fieldset",
    {},
    h("legend", {}, "Method"),
    ...Object.keys(METHODS).map((name) => radio("method", name, methodName(name), name === "tsne")),
  );
  const dims = h(
    "fieldset",
    {},
    h("legend", {}, "Dimensions"),
    radio("dims", "3", "3-D", true),
    radio("dims", "2", "2-D", false),
  );
  const of = h("fieldset", {}, h("legend", {}, "Samples"));
  const about = live(h("p", { class: "quiet" }), () => [METHODS[method.value]!.about]);
  const parameters = h("div", { class: "parameters" });
  effect(() => {
    inputs.clear();
    fill(parameters, ...METHODS[method.value]!.parameters.map((each) => field(each, inputs)));
  });
  const said = h("p", { class: "bad", role: "alert" });
  const form = h(
    "form",
    {
      onchange: () => {
        method.value = String(new FormData(form).get("method"));
      },
      onsubmit: (event: Event) => {
        event.preventDefault();
        void start();
      },
    },
    methods,
    about,
    dims,
    parameters,
    of,
    said,
    h("div", { class: "actions end" }, h("button", { type: "submit", class: "main" }, "Make the map")),
  );
  const element = h(
    "dialog",
    { "aria-labelledby": "new-map-title" },
    h(
      "header",
      {},
      h("h2", { id: "new-map-title" }, "A new map"),
      iconButton("close", "Close", () => element.close(), "Esc"),
    ),
    form,
  );

  async function start(): Promise<void> {
    const told = new FormData(form);
    const selected = told.get("of") === "selection";
    try {
      await lab.startJob({
        method: method.value,
        dims: Number(told.get("dims")) === 2 ? 2 : 3,
        parameters: Object.fromEntries([...inputs].map(([name, input]) => [name, Number(input.value)])),
        ...(selected && { rows: await lab.selectedRows() }),
      });
      element.close();
    } catch (error) {
      const { happened, got, expected, remedy } = problemOf(error);
      const parts = [happened, got && `Got: ${got}.`, expected && `Expected: ${expected}.`, remedy];
      said.textContent = parts.filter(Boolean).join(" ");
    }
  }

  return {
    element,
    open: () => {
      const count = lab.marks.selectedCount.value;
      said.textContent = "";
      fill(
        of,
        h("legend", {}, "Samples"),
        radio("of", "all", `all ${whole(lab.total.value)}`, true),
        count > 2 && radio("of", "selection", `the ${whole(count)} selected`, false),
      );
      element.showModal();
    },
  };
}

/** The maps that are being made, and those that failed lately, until they are put away. */
export function jobList(lab: Lab): HTMLElement {
  const away = signal<ReadonlySet<string>>(new Set());
  return live(h("section", { class: "jobs", "aria-label": "Maps being made" }), () =>
    lab.jobs.value
      .filter((job) => isAtWork(job) || (hasFailedLately(job) && !away.value.has(job.id)))
      .map((job) =>
        card(lab, job, () => {
          away.value = new Set([...away.value, job.id]);
        }),
      ),
  );
}

function hasFailedLately({ state, begun }: Job): boolean {
  return state === "failed" && Date.now() / 1000 - begun < LATELY_SECONDS;
}

function card(lab: Lab, job: Job, putAway: () => void): HTMLElement {
  const name = `${methodName(job.method)} of ${job.layer}`;
  const close = isAtWork(job)
    ? iconButton("close", `Cancel ${name}`, () => void lab.cancelJob(job.id).catch((error) => lab.tell(error)))
    : iconButton("close", `Put ${name} away`, putAway);
  const progress = h("progress", {
    "aria-label": name,
    max: job.total || null,
    value: job.total ? job.done : null,
  });
  return h(
    "article",
    { class: job.state === "failed" ? "job bad" : "job" },
    h("header", {}, h("strong", {}, name), close),
    isAtWork(job) && progress,
    h("p", { class: "quiet" }, ...saying(job)),
  );
}

function saying(job: Job): Child[] {
  if (job.state === "queued") return ["waits for its turn"];
  if (job.state === "failed") return [job.message || "failed"];
  const left = job.seconds_left;
  return [
    [
      job.stage || job.message,
      job.total ? `${whole(job.done)} of ${whole(job.total)}` : null,
      left === null || left === undefined ? null : `${whole(Math.ceil(left))} s left`,
    ]
      .filter(Boolean)
      .join(" · "),
  ];
}

function radio(name: string, value: string, text: string, checked: boolean): HTMLElement {
  return h("label", { class: "check" }, h("input", { type: "radio", name, value, checked }), text);
}

function field(
  { name, label, value, least, greatest, step, meaning }: Parameter,
  inputs: Map<string, HTMLInputElement>,
) {
  const input = h("input", { type: "number", value, min: least, max: greatest, step, required: true });
  inputs.set(name, input);
  return h(
    "label",
    { class: "field", title: meaning },
    h("span", {}, label),
    input,
    h("small", { class: "quiet" }, meaning),
  );
}
