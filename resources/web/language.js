// Which language the page speaks, and how it writes numbers and dates.

import { STRINGS } from "./strings.js";

const KEY = "corral.language";

/** What was chosen: "system", "en" or "fr". */
export function chosenLanguage() {
  return localStorage.getItem(KEY) ?? "system";
}

/** Choose a language; the page must be built anew. */
export function chooseLanguage(language) {
  localStorage.setItem(KEY, language);
  applyLanguage();
}

/** The language in force. */
export function language() {
  const chosen = chosenLanguage();
  if (chosen in STRINGS) return chosen;
  const wanted = navigator.languages.map((each) => each.slice(0, 2).toLowerCase());
  return wanted.find((each) => each in STRINGS) ?? "en";
}

/** The same with its country, which knows how dates are written there. */
function locale() {
  return navigator.languages.find((each) => each.slice(0, 2) === language()) ?? language();
}

/** Tell the browser which language the page is in. */
export function applyLanguage() {
  document.documentElement.lang = language();
}

/** The sentence called `key`, with `values` in place of its `{names}`. */
export function t(key, values = {}) {
  const text = STRINGS[language()][key] ?? STRINGS.en[key];
  return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
}

/** Whether there is such a sentence. */
export function hasText(key) {
  return key in STRINGS.en;
}

/** A number as people write it. */
export function number(value, digits = 0) {
  return value.toLocaleString(locale(), {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

/** When something was, briefly: the time today, the weekday this week, else the day. */
export function when(seconds) {
  const date = new Date(seconds * 1000);
  const days = daysAgo(seconds);
  let form = { day: "numeric", month: "short" };
  if (days === 0) form = { hour: "2-digit", minute: "2-digit" };
  else if (days < 7) form = { weekday: "short" };
  return date.toLocaleString(locale(), form);
}

/** The group of the list in which something that old stands. */
export function ageGroup(seconds) {
  const days = daysAgo(seconds);
  if (days === 0) return t("today");
  if (days === 1) return t("yesterday");
  return days <= 7 ? t("week") : t("older");
}

function daysAgo(seconds) {
  const midnight = (date) => new Date(date.getFullYear(), date.getMonth(), date.getDate());
  const day = midnight(new Date(seconds * 1000));
  return Math.max(0, Math.round((midnight(new Date()) - day) / 86_400_000));
}
