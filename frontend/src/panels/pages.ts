/** What stands where the map would be: nothing yet, or what is wrong; and messages in passing. */

import { effect } from "@preact/signals-core";
import type { Problem } from "../data/source";
import type { Lab } from "../state/lab";
import { type Child, h, iconButton, live } from "./dom";

const NOTICE_MS = 8000;

/** Instead of the map: what to run where there is nothing, or what is wrong. */
export function insteadOfMap(lab: Lab): HTMLElement {
  return live(h("div", { class: "instead" }), () => {
    const overview = lab.overview.value;
    const problem = lab.undrawable.value ?? lab.problem.value;
    if (problem) return [problemPage(lab, problem)];
    if (overview && !lab.set.value) return [emptyPage(lab)];
    return [];
  });
}

/** What cannot be shown of the logdir and why, beside what can. */
export function problemList(lab: Lab): HTMLElement {
  return live(h("div", { class: "problems-room" }), () => {
    const overview = lab.overview.value;
    if (!overview || !lab.set.value) return [];
    const all = [...overview.problems, ...overview.runs.flatMap(({ problems }) => problems)];
    if (!all.length) return [];
    const title = all.length === 1 ? "One thing cannot be shown" : `${all.length} things cannot be shown`;
    return [
      h(
        "details",
        { class: "panel problems" },
        h("summary", {}, `⚠ ${title}`),
        ...all.map((each) => problemText(each)),
      ),
    ];
  });
}

export function notices(lab: Lab): HTMLElement {
  const box = h("div", { class: "notices", role: "status" });
  let timer = 0;
  effect(() => {
    const notice = lab.notice.value;
    const away = lab.unreachable.value;
    clearTimeout(timer);
    box.replaceChildren();
    if (away) box.append(h("p", { class: "notice bad" }, "The server does not answer. This page goes on asking."));
    if (!notice) return;
    const close = () => {
      lab.notice.value = null;
    };
    box.append(
      h("p", { class: notice.bad ? "notice bad" : "notice" }, notice.text, iconButton("close", "Close", close)),
    );
    if (!notice.bad) timer = window.setTimeout(close, NOTICE_MS);
  });
  return box;
}

function problemPage(lab: Lab, problem: Problem): HTMLElement {
  const again = () => location.reload();
  return h(
    "section",
    { class: "page", role: "alert" },
    h("h2", {}, problem.happened),
    problemText({ ...problem, happened: "" }),
    h("div", { class: "actions" }, h("button", { type: "button", class: "main", onclick: again }, "Try again")),
    lab.set.value && h("p", { class: "quiet" }, "Or choose another run, layer or map above."),
  );
}

function problemText({ happened, got, expected, remedy }: Problem): HTMLElement {
  return h(
    "div",
    { class: "problem" },
    happened && h("p", {}, h("strong", {}, happened)),
    got && h("p", {}, h("span", { class: "quiet" }, "Got: "), got),
    expected && h("p", {}, h("span", { class: "quiet" }, "Expected: "), expected),
    remedy && h("p", {}, remedy),
  );
}

function emptyPage(lab: Lab): HTMLElement {
  const { logdir, runs, problems } = lab.overview.value!;
  const all = [...problems, ...runs.flatMap((run) => run.problems)];
  return h(
    "section",
    { class: "page" },
    h("h2", {}, all.length ? "Nothing here can be shown" : "No embeddings here yet"),
    h("p", {}, "This tab shows what the layers of a model learned: every sample a point, alike samples together."),
    ...all.map((each) => problemText(each)),
    h("p", {}, "Fill ", h("code", {}, logdir), " with one of these; the map appears here by itself."),
    ...recipe(
      "A first look, with a model trained on handwritten digits",
      `embedding-lab demo --logdir ${quoted(logdir)}`,
    ),
    ...recipe(
      "Your own vectors",
      `import embedding_lab as lab\nlab.log_embeddings(${quoted(`${logdir}/mine`)}, vectors, labels=labels, images=images)`,
    ),
    ...recipe("The layers of your Keras model", `embedding-lab extract model.keras --logdir ${quoted(logdir)}`),
  );
}

function recipe(title: string, code: string): Child[] {
  const copy = h(
    "button",
    {
      type: "button",
      onclick: () => {
        navigator.clipboard?.writeText(code).then(
          () => {
            copy.textContent = "Copied";
          },
          () => undefined,
        );
      },
    },
    "Copy",
  );
  return [h("h3", {}, title), h("div", { class: "recipe" }, h("pre", { tabindex: 0 }, code), copy)];
}

function quoted(path: string): string {
  return JSON.stringify(path);
}
