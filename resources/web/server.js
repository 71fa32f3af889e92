// Asking Corral. The token is kept on this device and goes into a header, never into an address.

import { forgetDrafts } from "./drafts.js";

const KEY = "corral.token";
const BASE = "/corral/v1";

/** An answer that says no; `status` is 0 where there was none at all. */
export class Refusal extends Error {
  constructor(status, message, kind = null) {
    super(message);
    this.status = status;
    this.kind = kind;
  }
}

/** Keep the token of a link with `#token=…` and take it out of the address; whether there was one. */
export function takeTokenFromAddress() {
  const token = tokenIn(location.hash);
  if (!location.hash.includes("token=")) return false;
  history.replaceState(null, "", location.pathname);
  if (token) keepToken(token);
  return Boolean(token);
}

/** The token in what somebody pasted: a whole link or the token alone. */
export function tokenIn(text) {
  const found = /[#&]token=([^&\s]+)/.exec(text);
  if (!found) return text.startsWith("#") ? "" : text.trim();
  try {
    return decodeURIComponent(found[1]);
  } catch {
    return "";
  }
}

export function keepToken(token) {
  if (token !== localStorage.getItem(KEY)) forgetDrafts(); // the chats are others, too
  localStorage.setItem(KEY, token);
}

export function forgetToken() {
  forgetDrafts();
  localStorage.removeItem(KEY);
}

export function hasToken() {
  return localStorage.getItem(KEY) !== null;
}

/** What the server answers, from JSON; null where it says nothing. Throws `Refusal`. */
export async function ask(method, path, body) {
  const answer = await request(method, path, body);
  return answer.status === 204 ? null : answer.json();
}

/** The lines of an answer as they come. Throws `Refusal`; one of status 0 where it breaks off. */
export async function* lines(method, path, body, signal) {
  const answer = await request(method, path, body, signal);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  while (true) {
    let piece;
    try {
      piece = await reader.read();
    } catch (error) {
      throw signal?.aborted ? error : new Refusal(0, String(error));
    }
    if (piece.done) return;
    const parts = (rest + piece.value).split("\n");
    rest = parts.pop();
    for (const line of parts) if (line) yield JSON.parse(line);
  }
}

async function request(method, path, body, signal) {
  const headers = {};
  const token = localStorage.getItem(KEY);
  if (token) headers.authorization = `Bearer ${token}`;
  if (body !== undefined) headers["content-type"] = "application/json";
  let answer;
  try {
    answer = await fetch(BASE + path, {
      method,
      headers,
      signal,
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store",
    });
  } catch (error) {
    throw signal?.aborted ? error : new Refusal(0, String(error));
  }
  if (answer.ok) return answer;
  let error = { message: answer.statusText };
  try {
    ({ error } = await answer.json());
  } catch {
    // it was no answer of Corral's; the status says enough
  }
  throw new Refusal(answer.status, error.message, error.code);
}
