// The list of chats at the side: in groups by age, searched by title.

import { h, icon, iconButton } from "./dom.js";
import { ageGroup, t, when } from "./language.js";

export class ChatList {
  /** `actions` has open(id), create() and settings(). */
  constructor(actions) {
    this.actions = actions;
    this.chats = [];
    this.current = null;
    this.rows = h("nav", { class: "rows", "aria-label": t("chats") });
    this.search = h("input", {
      type: "search",
      placeholder: t("search"),
      "aria-label": t("search"),
      oninput: () => this.paint(),
    });
    this.element = h(
      "aside",
      { class: "side", id: "side" },
      h(
        "header",
        {},
        h("div", { class: "search" }, icon("search", 16), this.search),
        iconButton("square-pen", t("new-chat"), () => actions.create()),
      ),
      this.rows,
      h(
        "footer",
        {},
        h("button", { class: "quiet", type: "button", onclick: () => actions.settings() },
          icon("settings"), t("settings")),
      ),
    );
  }

  /** Show these chats, newest first, `current` being the open one. */
  show(chats, current) {
    this.chats = chats;
    this.current = current;
    this.paint();
  }

  /** Put a chat that changed in its place, which is the first. */
  update(chat) {
    const others = this.chats.filter((each) => each.id !== chat.id);
    this.show([chat, ...others].sort((a, b) => b.updated - a.updated), this.current);
  }

  paint() {
    const text = this.search.value.trim().toLowerCase();
    const found = this.chats.filter((each) => each.title.toLowerCase().includes(text));
    const rows = [];
    let group = "";
    for (const chat of found) {
      if (ageGroup(chat.updated) !== group)
        rows.push(h("h2", {}, (group = ageGroup(chat.updated))));
      rows.push(this.row(chat));
    }
    if (!rows.length)
      rows.push(h("p", { class: "hint" }, text ? t("no-match", { text: this.search.value }) : t("no-chats")));
    this.rows.replaceChildren(...rows);
  }

  row(chat) {
    return h(
      "button",
      {
        type: "button",
        class: "row",
        "aria-current": chat.id === this.current && "page",
        onclick: () => this.actions.open(chat.id),
      },
      h("span", { class: "title" }, chat.title || t("untitled")),
      h("time", {}, when(chat.updated)),
      h("span", { class: chat.answering ? "preview running" : "preview" },
        chat.answering ? t("answering") : chat.preview),
    );
  }
}
