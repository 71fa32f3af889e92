// The page: one chat beside the list of chats. All of it lives on the server.

import { chatInAddress, nameInAddress } from "./address.js";
import { ChatList } from "./chat_list.js";
import { Composer } from "./composer.js";
import { dialog, h, icon, iconButton, toast } from "./dom.js";
import { draftIn, keepDraft } from "./drafts.js";
import { emptyChat, presetName } from "./empty_chat.js";
import { errorWords } from "./errors.js";
import { applyLanguage, t } from "./language.js";
import { loginPage, unreachablePage } from "./login.js";
import { ask, forgetToken, hasToken, lines, takeTokenFromAddress } from "./server.js";
import { openSettings } from "./settings.js";
import { Transcript } from "./transcript.js";

const LONGEST_PAUSE = 15_000; // milliseconds between two tries to reach the server again

class Page {
  constructor(session, choices) {
    this.session = session;
    this.choices = choices;
    this.chat = null; // null: one that is not begun
    this.model = choices.model;
    this.preset = choices.preset;
    this.following = null; // ends the reading of an answer
    this.creating = false; // a chat is being made for the first message
    this.list = new ChatList({
      open: (id) => this.guarded(() => this.open(id)),
      create: () => this.openNew(),
      settings: () => openSettings(this.session, start),
    });
    this.transcript = new Transcript({
      again: (message) =>
        this.guarded(() => this.follow("POST", "/answer", { message: message.id })),
      version: (message, step) => this.guarded(() => this.showVersion(message, step)),
    });
    this.composer = new Composer({
      send: (text) => this.guarded(() => this.send(text)),
      keep: (text) => keepDraft(this.chat?.id, text),
      stop: () => this.guarded(() => ask("DELETE", `/chats/${this.chat.id}/answer`)),
    });
    this.build();
  }

  build() {
    this.title = h("h1", {}, "");
    this.modelPill = h("select", { "aria-label": t("choose-model"), onchange: () =>
      this.guarded(() => this.chooseModel(this.modelPill.value)) });
    this.presetPill = h("select", { "aria-label": t("choose-preset"), onchange: () =>
      this.guarded(() => this.choosePreset(this.presetPill.value)) });
    this.dot = h("span", { class: "dot" });
    this.presetIcon = h("span", { class: "pill-icon" });
    this.menu = h("div", { id: "menu", popover: "auto", class: "menu" },
      h("button", { type: "button", onclick: () => this.rename() }, icon("pencil", 16), t("rename")),
      h("button", { type: "button", class: "danger", onclick: () => this.guarded(() => this.delete()) },
        icon("trash-2", 16), t("delete")));
    this.menuButton = iconButton("ellipsis", t("menu"), () => {}, { popovertarget: "menu" });
    this.strip = h("div", { class: "strip", role: "alert", hidden: true },
      icon("wifi-off", 16), t("lost"));
    const shade = h("div", { class: "shade", onclick: () => this.showList(false) });
    this.element = h(
      "div",
      { class: "page" },
      this.list.element,
      shade,
      h(
        "main",
        {},
        h(
          "header",
          { class: "head" },
          iconButton("list", t("show-chats"), () => this.showList(true), { class: "icon-button narrow", "aria-controls": "side" }),
          this.title,
          h("div", { class: "pills" },
            h("label", { class: "pill" }, this.presetIcon, this.presetPill, icon("chevron-down", 14)),
            h("label", { class: "pill" }, this.dot, this.modelPill, icon("chevron-down", 14))),
          this.menuButton,
          iconButton("square-pen", t("new-chat"), () => this.openNew(), { class: "icon-button narrow" }),
        ),
        this.strip,
        this.transcript.element,
        this.composer.element,
      ),
      this.menu,
    );
    document.body.replaceChildren(this.element);
    this.paintChoices();
  }

  // What is open

  async refresh() {
    const chats = await ask("GET", "/chats");
    this.list.show(chats, this.chat?.id ?? null);
  }

  /** Open the chat that the address names. */
  async openAddressed() {
    const id = chatInAddress();
    if (id === null) return this.openNew();
    try {
      await this.open(id);
    } catch (error) {
      if (error.status !== 404) throw error;
      this.openNew({ step: false });
      toast(errorWords(error).title);
    }
  }

  async open(id) {
    this.leave();
    const detail = await ask("GET", `/chats/${id}`);
    nameInAddress(id, true);
    this.showDetail(detail);
    this.composer.text = draftIn(id);
    this.showList(false);
    if (this.chat.answering) await this.follow("GET", "/answer");
  }

  /** `step`: “back” leads to what was open before. */
  openNew({ step = true } = {}) {
    this.leave();
    nameInAddress(null, step);
    this.chat = null;
    this.composer.text = draftIn(null);
    this.model = this.choices.model;
    this.preset = this.choices.preset;
    this.transcript.show([], this.emptyState());
    this.list.show(this.list.chats, null);
    this.paintChoices();
    this.showList(false);
    this.composer.focus();
  }

  showDetail({ chat, messages }) {
    this.chat = chat;
    this.model = chat.model ?? this.choices.model;
    this.preset = chat.preset ?? this.choices.preset;
    this.transcript.show(messages, this.emptyState());
    this.list.show(this.list.chats, chat.id);
    this.paintChoices();
  }

  /** Cease to listen; the answer goes on at the server. */
  leave() {
    this.following?.abort();
    this.following = null;
    this.composer.setAnswering(false);
    this.strip.hidden = true;
  }

  // What is said

  async send(text) {
    if (this.creating) return; // it was pressed twice
    if (!this.chat) await this.create();
    this.composer.text = "";
    const begun = await this.follow("POST", "/messages", { text });
    if (!begun && !this.composer.text) this.composer.text = text; // it was not stored
  }

  async create() {
    this.creating = true;
    try {
      this.chat = await ask("POST", "/chats", { model: this.model, preset: this.preset });
      this.list.current = this.chat.id;
      keepDraft(null, "");
      nameInAddress(this.chat.id, false);
    } finally {
      this.creating = false;
    }
  }

  /** Read an answer to its end, trying again where the connection is lost; whether it began. */
  async follow(method, path, body) {
    this.following?.abort();
    const reading = (this.following = new AbortController());
    const { id } = this.chat;
    let begun = false;
    this.composer.setAnswering(true);
    try {
      for await (const line of lines(method, `/chats/${id}${path}`, body, reading.signal)) {
        begun ||= line.type === "begun";
        this.take(line);
      }
    } catch (error) {
      if (reading.signal.aborted) return true;
      if (error.status === 0) return (await this.resume(id, reading)) || begun;
      if (error.status === 401) return Boolean(logOut());
      this.transcript.end();
      this.transcript.problem(errorWords(error));
    }
    if (this.following === reading) {
      this.following = null;
      this.composer.setAnswering(false);
    }
    return begun;
  }

  take(line) {
    switch (line.type) {
      case "loading":
        return this.transcript.status(t("loading", { percent: Math.round(line.fraction * 100) }));
      case "waiting":
        return this.transcript.status(t("waiting"));
      case "begun":
        return this.transcript.begin(line.question, line.answer);
      case "reading":
        return this.transcript.status(
          t("reading", { percent: Math.floor((100 * line.done) / Math.max(1, line.total)) }));
      case "text":
        return this.transcript.add(line.text, line.reasoning);
      case "failed":
        this.failed = line;
        return undefined;
      case "ended":
        return this.ended(line);
    }
    return undefined;
  }

  ended({ answer, chat }) {
    this.transcript.finish(answer);
    if (this.failed) this.transcript.problem(errorWords(this.failed));
    this.failed = null;
    if (!chat) return;
    this.list.update(chat);
    if (this.chat?.id === chat.id) this.chat = chat;
    this.paintChoices();
    this.guarded(() => this.renewChoices());
  }

  /** The connection broke: ask again until there is an answer, then show what came meanwhile. */
  async resume(id, reading) {
    this.strip.hidden = false;
    for (let pause = 1000; !reading.signal.aborted; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
      await untilSeen(pause);
      if (reading.signal.aborted) return true;
      try {
        const detail = await ask("GET", `/chats/${id}`);
        if (reading.signal.aborted) return true;
        this.strip.hidden = true;
        this.showDetail(detail);
        if (detail.chat.answering) return this.follow("GET", "/answer");
        this.composer.setAnswering(false);
        this.following = null;
        await this.refresh();
        return detail.messages.length > 0;
      } catch (error) {
        if (error.status !== 0) throw error;
      }
    }
    return true;
  }

  async showVersion(message, step) {
    const wanted = { message: message.id, version: message.version + step };
    this.showDetail(await ask("POST", `/chats/${this.chat.id}/version`, wanted));
  }

  // What a chat is

  async chooseModel(model) {
    this.model = model;
    if (this.chat) this.chat = await ask("PATCH", `/chats/${this.chat.id}`, { model });
    this.paintChoices();
  }

  async choosePreset(preset) {
    this.preset = preset;
    if (this.chat) this.chat = await ask("PATCH", `/chats/${this.chat.id}`, { preset });
    this.paintChoices();
  }

  async renewChoices() {
    this.choices = await ask("GET", "/choices");
    this.model ??= this.choices.model;
    this.paintChoices();
  }

  rename() {
    this.menu.hidePopover();
    const field = h("input", { "aria-label": t("rename-title"), maxlength: "200", required: true });
    field.value = this.chat.title;
    const box = dialog(t("rename-title"), t("close"),
      h("form", { onsubmit: (event) => {
        event.preventDefault();
        const title = field.value.trim();
        box.close();
        if (title) this.guarded(async () => {
          this.chat = await ask("PATCH", `/chats/${this.chat.id}`, { title });
          this.list.update(this.chat);
          this.paintChoices();
        });
      } }, field, h("div", { class: "buttons" },
        h("button", { class: "button", type: "button", onclick: () => box.close() }, t("cancel")),
        h("button", { class: "primary", type: "submit" }, t("save")))));
    field.select();
  }

  async delete() {
    this.menu.hidePopover();
    const { id } = this.chat;
    await ask("DELETE", `/chats/${id}`);
    this.list.chats = this.list.chats.filter((each) => each.id !== id);
    keepDraft(id, "");
    this.openNew({ step: false });
    toast(t("deleted"), t("undo"), () => this.guarded(async () => {
      this.list.update(await ask("POST", `/chats/${id}/restore`));
      await this.open(id);
    }));
  }

  // How it looks

  showList(shown) {
    this.element.classList.toggle("list-open", shown);
  }

  paintChoices() {
    const { models, presets } = this.choices;
    const model = models.find((each) => each.id === this.model);
    const label = (each) =>
      [each.name, each.quantization, each.remote && t("on-server")].filter(Boolean).join(" · ");
    fill(this.modelPill, models.map((each) => [each.id, label(each)]), this.model);
    fill(this.presetPill, presets.map((each) => [each.id, presetName(each)]), this.preset);
    this.dot.className = model?.loaded ? "dot ready" : "dot";
    const preset = presets.find((each) => each.id === this.preset);
    this.presetIcon.replaceChildren(icon(preset?.icon ?? "message-square", 16));
    this.title.textContent = this.chat?.title || t("untitled");
    this.title.classList.toggle("quiet", !this.chat?.title);
    this.menuButton.hidden = !this.chat;
    this.composer.address(model?.name ?? "", models.length > 0);
    document.title = this.chat?.title ? `${this.chat.title} – Corral` : "Corral";
    const empty = this.transcript.column.querySelector(".empty");
    if (empty) empty.replaceWith(this.emptyState());
  }

  emptyState() {
    return emptyChat(this.choices, this.model, this.preset, {
      choose: (preset) => this.guarded(() => this.choosePreset(preset)),
      begin: (text) => {
        this.composer.text = text;
        this.composer.field.focus();
      },
    });
  }

  /** Do something that may fail, and say so where it does. */
  async guarded(work) {
    try {
      await work();
    } catch (error) {
      if (error.status === 401) logOut();
      else if (error.status === 0) toast(t("lost"));
      else if (error.status === undefined) throw error;
      else toast(errorWords(error).title);
    }
  }
}

function fill(select, pairs, chosen) {
  select.replaceChildren(...pairs.map(([value, text]) => h("option", { value }, text)));
  select.value = chosen ?? "";
}

/** Resolves after `pause` milliseconds, and not before the page is looked at. */
function untilSeen(pause) {
  return new Promise((resolve) => {
    setTimeout(() => {
      if (document.visibilityState === "visible") resolve();
      else document.addEventListener("visibilitychange", resolve, { once: true });
    }, pause);
  });
}

let page = null;

function logOut() {
  page?.leave();
  page = null;
  const problem = hasToken() ? t("token-wrong") : "";
  forgetToken();
  nameInAddress(null, false);
  document.body.replaceChildren(loginPage(problem, start));
}

/** Build everything, as far as the server lets this device in. */
async function start() {
  page?.leave();
  page = null;
  applyLanguage();
  try {
    const session = await ask("GET", "/session");
    page = new Page(session, await ask("GET", "/choices"));
    await page.refresh();
    await page.guarded(() => page.openAddressed());
  } catch (error) {
    if (error.status === 401) logOut();
    else if (error.status === 403) document.body.replaceChildren(loginPage(t("token-scope"), start));
    else if (error.status === undefined) throw error;
    else document.body.replaceChildren(unreachablePage(start));
  }
}

addEventListener("hashchange", () => {
  if (takeTokenFromAddress()) start();
  else if (page && chatInAddress() !== (page.chat?.id ?? null))
    page.guarded(() => page.openAddressed());
});
addEventListener("keydown", (event) => {
  if (event.key === "Escape" && page?.composer.answering && !document.querySelector("dialog[open]"))
    page.composer.press();
});
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible" && page && !page.following)
    page.guarded(() => page.refresh());
});

if ("serviceWorker" in navigator) {
  const address = "/web/service_worker.js";
  const policy = globalThis.trustedTypes?.createPolicy("corral", { createScriptURL: () => address });
  navigator.serviceWorker
    .register(policy?.createScriptURL(address) ?? address, { scope: "/" })
    .catch((error) => console.info("The page is not kept for later:", error.message));
}

takeTokenFromAddress();
start();
