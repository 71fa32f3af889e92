// Where a message is written; its button sends, and stops what is being answered.

import { h, icon } from "./dom.js";
import { t } from "./language.js";

export class Composer {
  /** `actions` has send(text), stop() and keep(text), which is told of all that is typed. */
  constructor(actions) {
    this.actions = actions;
    this.answering = false;
    this.usable = true;
    this.field = h("textarea", {
      rows: "1",
      enterkeyhint: "enter",
      oninput: () => (this.changed(), actions.keep(this.text)),
      onkeydown: (event) => this.key(event),
    });
    this.button = h("button", { class: "primary round", type: "submit" });
    this.element = h(
      "form",
      { class: "composer", onsubmit: (event) => (event.preventDefault(), this.press()) },
      this.field,
      this.button,
    );
    this.element.addEventListener("pointerdown", (event) => {
      if (event.target === this.element) setTimeout(() => this.field.focus());
    });
    this.changed();
  }

  get text() {
    return this.field.value;
  }

  set text(text) {
    this.field.value = text;
    this.changed();
    this.actions.keep(text);
  }

  /** Tell whom one writes to; `usable` is false where there is no model. */
  address(name, usable) {
    this.usable = usable;
    const label = name ? t("message", { model: name }) : t("message-none");
    this.field.placeholder = label;
    this.field.setAttribute("aria-label", label);
    this.changed();
  }

  setAnswering(answering) {
    this.answering = answering;
    this.changed();
  }

  /** Have the keyboard here, where that does not open one on the screen. */
  focus() {
    if (hasKeys()) this.field.focus();
  }

  key(event) {
    if (event.key === "Enter" && hasKeys() && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      if (!this.answering) this.press();
    }
  }

  press() {
    if (this.answering) this.actions.stop();
    else if (this.usable && this.text.trim()) this.actions.send(this.text);
  }

  changed() {
    const label = this.answering ? t("stop") : t("send");
    this.button.replaceChildren(icon(this.answering ? "square" : "arrow-up"));
    this.button.title = label;
    this.button.setAttribute("aria-label", label);
    this.button.disabled = !this.answering && !(this.usable && this.text.trim());
    this.field.style.height = "auto";
    this.field.style.height = `${this.field.scrollHeight}px`;
  }
}

/** Whether one writes on a keyboard of keys: on a screen, Enter begins a new line. */
function hasKeys() {
  return !matchMedia("(pointer: coarse)").matches;
}
