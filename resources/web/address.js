// Which chat is open stands in the address, behind its #: reloading and “back” find it again.

/** The chat that the address names; null for a new one. */
export function chatInAddress() {
  const found = /^#chat=(\d{1,15})$/.exec(location.hash);
  return found ? Number(found[1]) : null;
}

/** Name a chat in the address, null for a new one; `step` back to what was open before, or none. */
export function nameInAddress(id, step) {
  if (chatInAddress() === id) return;
  const address = location.pathname + (id === null ? "" : `#chat=${id}`);
  if (step) history.pushState(null, "", address);
  else history.replaceState(null, "", address);
}
