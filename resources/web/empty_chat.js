// What a chat shows before anything is said: presets to choose from, and ways to begin.

import { h, icon, mark } from "./dom.js";
import { language, t } from "./language.js";
import { STRINGS } from "./strings.js";

const STARTERS = [
  ["summary", icon("text-quote")],
  ["reply", icon("mail")],
  ["explain", icon("book-open")],
  ["table", icon("table")],
];

/** The beginning of a chat; `actions` has choose(preset) and begin(text). */
export function emptyChat({ models, presets }, model, preset, actions) {
  const box = h("div", { class: "empty" }, mark(), h("h2", {}, t("welcome")));
  if (!models.length) {
    box.append(h("p", {}, t("models-none")));
    return box;
  }
  const remote = models.find((each) => each.id === model)?.remote;
  box.append(
    h("p", {}, t(remote ? "stays-not" : "stays")),
    h("h3", {}, t("choose-preset")),
    h("div", { class: "chips" }, ...presets.map((each) => chip(each, preset, actions.choose))),
    h("h3", {}, t("starters")),
    h("div", { class: "starters" }, ...STARTERS.map((each) => starter(...each, actions.begin))),
  );
  return box;
}

/** What a preset is called; the built-in ones have a name in each language. */
export function presetName(preset) {
  const key = `preset-${preset.id}`;
  return (preset.built_in && STRINGS[language()][key]) || preset.name;
}

function chip(preset, chosen, choose) {
  return h(
    "button",
    {
      type: "button",
      class: "chip",
      title: preset.description,
      "aria-pressed": String(preset.id === chosen),
      onclick: () => choose(preset.id),
    },
    icon(preset.icon, 16),
    presetName(preset),
  );
}

function starter(name, picture, begin) {
  return h(
    "button",
    { type: "button", class: "starter", onclick: () => begin(t(`starter-${name}-text`)) },
    picture.cloneNode(true),
    h("strong", {}, t(`starter-${name}`)),
    h("span", {}, t(`starter-${name}-how`)),
  );
}
