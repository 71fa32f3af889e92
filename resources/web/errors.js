// What went wrong, in the page's own languages, with remedies that the page has.

import { hasText, t } from "./language.js";

const NAMES = {
  busy: "busy",
  context_length_exceeded: "context",
  engine: "engine",
  invalid_request: "request",
  model_not_found: "model",
  server_busy: "busy",
  too_large: "large",
  upstream: "upstream",
};
const BY_STATUS = { 400: "request", 404: "gone", 409: "answering", 413: "large", 502: "upstream", 503: "busy" };

/** What happened, what to do, and `detail`: Corral's own words about it, which are English. */
export function errorWords({ kind, status, message }) {
  const name = NAMES[kind] ?? BY_STATUS[status] ?? "internal";
  const help = `error-${name}-help`;
  return { title: t(`error-${name}`), help: hasText(help) ? t(help) : "", detail: message };
}
