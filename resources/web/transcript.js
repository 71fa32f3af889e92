// The messages of a chat, and the answer that is being written.

import { copyButton, h, icon, iconButton } from "./dom.js";
import { hasText, number, t, when } from "./language.js";
import { showMarkdown } from "./markdown.js";

const PAUSE = 60; // milliseconds between two paintings of a growing answer

export class Transcript {
  /** `actions` has again(message) and version(message, step). */
  constructor(actions) {
    this.actions = actions;
    this.column = h("div", { class: "column", role: "log", "aria-live": "off" });
    this.element = h("div", { class: "transcript", tabindex: "-1" }, this.column);
    this.live = null;
    this.timer = 0;
  }

  /** Show whole messages, or `empty` where there are none. */
  show(messages, empty) {
    this.end();
    const last = messages.at(-1);
    this.column.replaceChildren(
      ...(messages.length
        ? messages.map((each) => new MessageView(each, this.actions, each === last).element)
        : [empty]),
    );
    if (messages.length) this.toEnd();
    else this.element.scrollTop = 0;
  }

  /** The question is stored; its answer is awaited, with what there is of it. */
  begin(question, answer) {
    this.end();
    this.column.querySelector(".empty")?.remove();
    // A new version of an answer takes the place of the old one and of what followed.
    const asked = this.find(question.id);
    if (asked) while (asked.nextSibling) asked.nextSibling.remove();
    else this.column.append(new MessageView(question, this.actions, false).element);
    this.live = new MessageView(answer, this.actions, true);
    this.column.append(this.live.element);
    this.toEnd();
  }

  /** Say what happens before the first word. */
  status(text) {
    if (this.live) this.live.status(text);
    else {
      this.column.querySelector(".empty")?.remove();
      this.waiting ??= h("p", { class: "status" });
      this.waiting.textContent = text;
      this.column.append(this.waiting);
      this.toEnd();
    }
  }

  /** The next piece of the answer. */
  add(text, reasoning) {
    if (!this.live) return;
    this.live.add(text, reasoning);
    this.timer ||= setTimeout(() => {
      this.timer = 0;
      const follows = this.isAtEnd();
      this.live?.paint();
      if (follows) this.toEnd();
    }, PAUSE);
  }

  /** The answer as it is kept. */
  finish(answer) {
    const follows = this.isAtEnd();
    const old = this.live?.element;
    this.end();
    if (old && answer) old.replaceWith(new MessageView(answer, this.actions, true).element);
    if (follows) this.toEnd();
  }

  /** Say below all else what went wrong, as `errorWords` has it. */
  problem({ title, help, detail }) {
    this.column.querySelector(".empty")?.remove();
    this.column.querySelector(".failure")?.remove();
    this.column.append(
      h("div", { class: "failure", role: "alert" }, icon("circle-x"),
        h("div", {},
          h("strong", {}, title),
          help && h("p", {}, help),
          detail && h("details", {},
            h("summary", {}, t("error-detail")), h("p", { lang: "en" }, detail)))),
    );
    this.toEnd();
  }

  /** Nothing more comes. */
  end() {
    clearTimeout(this.timer);
    this.timer = 0;
    this.waiting?.remove();
    this.waiting = null;
    this.live?.paint();
    this.live = null;
  }

  find(id) {
    return this.column.querySelector(`[data-id="${Number(id)}"]`);
  }

  isAtEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.element;
    return scrollHeight - scrollTop - clientHeight < 48;
  }

  toEnd() {
    this.element.scrollTop = this.element.scrollHeight;
  }
}

class MessageView {
  constructor(message, actions, last) {
    this.message = message;
    this.content = message.content;
    this.reasoning = message.reasoning;
    this.actions = actions;
    this.last = last;
    this.element = h("article", { class: `message ${message.role}`, "data-id": message.id });
    if (message.role === "user") this.buildQuestion();
    else this.buildAnswer();
  }

  buildQuestion() {
    this.element.setAttribute("aria-label", t("you"));
    this.element.append(h("div", { class: "bubble" }, this.content));
    if (this.message.versions > 1) this.element.append(h("footer", {}, ...this.versionButtons()));
  }

  buildAnswer() {
    const { model, created, state } = this.message;
    this.running = state === "streaming";
    this.summary = h("span", {}, "");
    this.thoughts = h("div", { class: "thoughts" });
    this.fold = h("details", { hidden: true },
      h("summary", {}, icon("brain", 16), this.summary, icon("chevron-right", 16)), this.thoughts);
    this.text = h("div", { class: "markdown" });
    this.line = h("p", { class: "status" });
    this.element.append(
      h("header", {}, h("strong", {}, model), h("time", {}, when(created))),
      this.fold,
      this.text,
      this.line,
    );
    this.element.setAttribute("aria-busy", this.running);
    this.paint();
    if (!this.running) this.buildEnd();
  }

  buildEnd() {
    const { shortened, notes, finish_reason: reason, state } = this.message;
    const remarks = [...notes];
    if (shortened) remarks.unshift(t("cut"));
    for (const each of remarks) this.element.append(h("p", { class: "note" }, icon("info", 14), each));
    if (!this.content && state === "complete" && reason === "stop")
      this.line.textContent = t("empty-answer");
    this.element.append(
      h(
        "footer",
        {},
        ...this.versionButtons(),
        copyButton(t("copy"), () => this.content),
        this.last && iconButton("refresh-cw", t("again"), () => this.actions.again(this.message)),
        h("span", { class: "statistics" }, ...this.statistics()),
      ),
    );
  }

  versionButtons() {
    const { version, versions } = this.message;
    if (versions < 2) return [];
    const go = (step) => () => this.actions.version(this.message, step);
    return [
      iconButton("chevron-left", t("earlier-version"), go(-1), { disabled: version === 1 }),
      h("span", { class: "versions" }, t("versions", { version, versions })),
      iconButton("chevron-right", t("later-version"), go(1), { disabled: version === versions }),
    ];
  }

  statistics() {
    const { tokens_per_second: speed, completion_tokens: count, finish_reason: reason } = this.message;
    const facts = [];
    if (speed) facts.push(t("tokens-speed", { speed: number(speed, speed < 100 ? 1 : 0) }));
    if (count) facts.push(t("tokens", { count: number(count) }));
    const parts = [facts.join(" · ")];
    if (hasText(`finish-${reason}`)) {
      if (facts.length) parts.push(" · ");
      parts.push(h("span", { class: "reason" }, t(`finish-${reason}`)));
    }
    return parts;
  }

  status(text) {
    if (!this.content && !this.reasoning) this.line.textContent = text;
  }

  add(text, reasoning) {
    if (reasoning) this.reasoning += text;
    else this.content += text;
    this.line.textContent = "";
  }

  paint() {
    if (!this.text) return;
    if (this.reasoning) {
      this.fold.hidden = false;
      this.summary.textContent = this.running && !this.content ? t("thinking") : t("thought");
      showMarkdown(this.thoughts, this.reasoning);
    }
    showMarkdown(this.text, this.content);
  }
}
