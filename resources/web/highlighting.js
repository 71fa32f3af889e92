// Code in colours. What highlight.js answers is read piece by piece, never taken as HTML.

import hljs from "./highlight.js";

const LONGEST = 50_000; // characters; longer code stays plain, so that nothing waits for it
const ESCAPES = { "&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#x27;": "'" };

/** The nodes of `code` in `language`; plain text where the language is not known. */
export function highlighted(code, language) {
  const all = document.createDocumentFragment();
  if (!hljs.getLanguage(language) || code.length > LONGEST) {
    all.append(code);
    return all;
  }
  const open = [all];
  const marked = hljs.highlight(code, { language, ignoreIllegals: true }).value;
  for (const [, classes, end, text] of marked.matchAll(/<span class="([\w\s-]*)">|(<\/span>)|([^<]+)/g)) {
    if (classes !== undefined) {
      const span = document.createElement("span");
      span.className = classes;
      open.at(-1).append(span);
      open.push(span);
    } else if (end) open.pop();
    else open.at(-1).append(text.replace(/&(?:amp|lt|gt|quot|#x27);/g, (each) => ESCAPES[each]));
  }
  return all;
}

/** How people call the language of a code block. */
export function languageName(language) {
  return hljs.getLanguage(language)?.name ?? language;
}
