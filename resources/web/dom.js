// Building the page: elements are made from names and text, never from HTML.

import { ICONS } from "./icons.js";

const SVG = "http://www.w3.org/2000/svg";

/** An element; `on…` properties are listeners, others attributes; false leaves one out. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false && value !== null && value !== undefined)
      element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== false && child !== ""));
  return element;
}

/** One of the icons that ship, `size` pixels wide. */
export function icon(name, size = 18) {
  const svg = shape("svg", {
    class: "icon",
    "data-icon": name,
    viewBox: "0 0 24 24",
    width: size,
    height: size,
    "aria-hidden": "true",
  });
  svg.append(...(ICONS[name] ?? []).map(([tag, attributes]) => shape(tag, attributes)));
  return svg;
}

/** A button that shows only an icon; `label` is its tool tip and what is read out. */
export function iconButton(name, label, onclick, properties = {}) {
  return h(
    "button",
    { class: "icon-button", type: "button", title: label, "aria-label": label, onclick, ...properties },
    icon(name),
  );
}

/** The mark, in the colours of the theme. */
export function mark() {
  const svg = shape("svg", { class: "mark", viewBox: "0 0 24 24", "aria-hidden": "true" });
  for (const [part, line] of [
    ["fence", "M18 15.31L13.31 20H6.69L2 15.31V8.69L6.69 4H13.31L18 8.69"],
    ["gate", "M18 15.31L22.7 11.9"],
  ])
    svg.append(shape("path", { class: part, d: line }));
  return svg;
}

function shape(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

/** Show `text` at the bottom for six seconds, with one thing to do about it at most. */
export function toast(text, action = "", onaction = null) {
  document.querySelector(".toast")?.remove();
  const box = h("div", { class: "toast", role: "status" }, text);
  if (action)
    box.append(
      h("button", { type: "button", class: "link", onclick: () => (box.remove(), onaction()) }, action),
    );
  document.body.append(box);
  setTimeout(() => box.remove(), 6000);
}

/** A modal box with a title; closes with Esc, the cross, or a tap beside it. */
export function dialog(title, closeLabel, ...content) {
  const box = h("dialog", { class: "dialog", "aria-label": title });
  box.append(
    h("header", {}, h("h2", {}, title), iconButton("x", closeLabel, () => box.close())),
    ...content,
  );
  box.addEventListener("click", (event) => event.target === box && box.close());
  box.addEventListener("close", () => box.remove());
  document.body.append(box);
  box.showModal();
  return box;
}

/** Put `text` into the clipboard, also where the connection is not encrypted; whether it is. */
export async function copy(text) {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(text);
    return true;
  }
  const field = h("textarea", { class: "off-screen", readonly: true });
  field.value = text;
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy"); // the only way without a secure context
  field.remove();
  return done;
}

/** A button that copies what `text` gives; it turns into a check for a moment. */
export function copyButton(label, text) {
  const button = iconButton("copy", label, async () => {
    if (!(await copy(text()))) return;
    button.replaceChildren(icon("check"));
    setTimeout(() => button.replaceChildren(icon("copy")), 1500);
  });
  return button;
}
