// Appearance, language, and leaving.

import { nameInAddress } from "./address.js";
import { dialog, h } from "./dom.js";
import { chooseLanguage, chosenLanguage, t } from "./language.js";
import { forgetToken, hasToken } from "./server.js";

/** Opens the settings; `rebuild` builds the page anew, in another language or logged out. */
export function openSettings(session, rebuild) {
  const themes = { system: t("system"), light: t("theme-light"), dark: t("theme-dark") };
  const languages = { system: t("system"), en: "English", fr: "Français" };
  const box = dialog(
    t("settings"),
    t("close"),
    segments(t("theme"), "theme", themes, globalThis.corralTheme.get(), globalThis.corralTheme.set),
    segments(t("language"), "language", languages, chosenLanguage(), (choice) => {
      chooseLanguage(choice);
      box.close();
      rebuild();
    }),
    h(
      "p",
      { class: "hint" },
      [session.name && t("logged-in-as", { name: session.name }), `Corral ${session.version}`]
        .filter(Boolean)
        .join(" · "),
    ),
  );
  if (hasToken())
    box.append(
      h("button", { class: "button danger", type: "button", onclick: () => {
        forgetToken();
        nameInAddress(null, false);
        box.close();
        rebuild();
      } }, t("log-out")),
    );
}

function segments(label, name, choices, chosen, choose) {
  return h(
    "fieldset",
    { class: "segments" },
    h("legend", {}, label),
    ...Object.entries(choices).map(([value, text]) =>
      h(
        "label",
        {},
        h("input", { type: "radio", name, value, checked: value === chosen, onchange: () => choose(value) }),
        h("span", {}, text),
      ),
    ),
  );
}
