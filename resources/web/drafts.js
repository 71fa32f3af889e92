// What is typed and not sent yet, chat by chat. It stays on this device, until it is sent.

const PREFIX = "corral.draft.";

const keyOf = (chat) => PREFIX + (chat ?? "new");

/** What was typed in a chat; null is the one that is not begun. */
export function draftIn(chat) {
  return localStorage.getItem(keyOf(chat)) ?? "";
}

export function keepDraft(chat, text) {
  try {
    if (text) localStorage.setItem(keyOf(chat), text);
    else localStorage.removeItem(keyOf(chat));
  } catch (error) {
    console.info("The draft is not kept for later:", error.message); // longer than the room for it
  }
}

/** Leave nothing for whoever logs in next. */
export function forgetDrafts() {
  for (const key of Object.keys(localStorage)) if (key.startsWith(PREFIX)) localStorage.removeItem(key);
}
