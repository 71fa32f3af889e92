// Keeps the page itself, so that it opens while the server cannot be reached. Nothing of what is
// said goes through here: only the page's own files are asked for and kept.

"use strict";

const NAME = "corral-page";

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  const address = new URL(event.request.url);
  const own = address.origin === location.origin;
  const shell = address.pathname === "/" || address.pathname.startsWith("/web/");
  if (own && shell && event.request.method === "GET") event.respondWith(fresh(event.request));
});

/** From the server where it answers, else as it was kept. */
async function fresh(request) {
  const kept = await caches.open(NAME);
  try {
    const answer = await fetch(request);
    if (answer.ok) await kept.put(request, answer.clone());
    return answer;
  } catch (error) {
    const old = await kept.match(request, { ignoreVary: true });
    if (old) return old;
    throw error;
  }
}
