// The first page of a device that has no valid token.

import { h, mark } from "./dom.js";
import { t } from "./language.js";
import { keepToken, tokenIn } from "./server.js";

/** Asks for a token, and tries it with `enter`; `problem` says why, if something was wrong. */
export function loginPage(problem, enter) {
  const field = h("input", {
    type: "password",
    id: "token",
    autocomplete: "current-password",
    autocapitalize: "off",
    spellcheck: "false",
    required: true,
    "aria-describedby": "token-problem",
    "aria-invalid": Boolean(problem),
  });
  const submit = (event) => {
    event.preventDefault();
    const token = tokenIn(field.value);
    if (!token) return;
    keepToken(token);
    enter();
  };
  return h(
    "main",
    { class: "login" },
    h(
      "form",
      { onsubmit: submit },
      mark(),
      h("h1", {}, t("log-in")),
      h("p", {}, t("log-in-why")),
      h("label", { for: "token" }, t("token")),
      field,
      h("p", { class: "problem", id: "token-problem", role: "alert" }, problem),
      h("button", { class: "primary", type: "submit" }, t("log-in")),
    ),
  );
}

/** Says that nothing can be reached, and tries again with `enter`. */
export function unreachablePage(enter) {
  return h(
    "main",
    { class: "login" },
    h(
      "form",
      { onsubmit: (event) => (event.preventDefault(), enter()) },
      mark(),
      h("h1", {}, "Corral"),
      h("p", {}, t("lost")),
      h("button", { class: "primary", type: "submit" }, t("retry")),
    ),
  );
}
