// Markdown as elements. markdown-it reads it, as its twin in Python does for the window; the
// elements are made here, from a table of what is allowed. Text is only ever text: HTML in an
// answer is shown as it was written, pictures become links, links go to the web or to mail.

import { copyButton, h } from "./dom.js";
import { highlighted, languageName } from "./highlighting.js";
import { t } from "./language.js";
import MarkdownIt from "./markdown-it.js";

const reader = new MarkdownIt({ html: false, linkify: true });
reader.linkify.set({ fuzzyLink: false, fuzzyEmail: false, fuzzyIP: false });
reader.validateLink = (address) => /^(?:https?:\/\/|mailto:)/i.test(address);
reader.inline.ruler.before("escape", "math", readMath);

const ALLOWED = new Set([
  ...["p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote", "em", "strong"],
  ...["s", "table", "thead", "tbody", "tr", "th", "td"],
]);

/** Shows `text` in `place`; what is shown there already of the same text stays as it is. */
export function showMarkdown(place, text) {
  const blocks = blocksOf(text);
  const kept = place.markdownBlocks ?? [];
  let same = 0;
  while (same < kept.length && same < blocks.length && kept[same].source === blocks[same].source)
    blocks[same].node = kept[same++].node;
  for (const old of kept.slice(same)) old.node.remove();
  for (const block of blocks.slice(same)) {
    block.node = rendered(block.tokens);
    place.append(block.node);
  }
  place.markdownBlocks = blocks;
}

/** The blocks of a text: the tokens of each and the lines that it was read from. */
function blocksOf(text) {
  const all = text.split("\n");
  const blocks = [];
  let tokens = [];
  for (const token of reader.parse(text, {})) {
    tokens.push(token);
    if (token.level > 0 || token.nesting > 0) continue;
    const [first, last] = tokens[0].map ?? [0, all.length];
    // The last line that a block was read from tells whether its end has come.
    blocks.push({ source: all.slice(first, last + 1).join("\n"), tokens });
    tokens = [];
  }
  return blocks;
}

function rendered(tokens) {
  const root = document.createDocumentFragment();
  build(root, tokens);
  const wide = root.firstElementChild;
  return wide.tagName === "TABLE" ? h("div", { class: "wide" }, wide) : wide;
}

/** Append what `tokens` say to `root`. */
function build(root, tokens) {
  const open = [root];
  for (const token of tokens) {
    if (token.type === "link_open" || token.type === "link_close" || ALLOWED.has(token.tag)) {
      if (token.hidden) continue; // the paragraphs of a tight list
      if (token.nesting < 0) open.pop();
      else {
        const element = opened(token);
        open.at(-1).append(element);
        open.push(element);
      }
    } else open.at(-1).append(leaf(token));
  }
}

function opened(token) {
  if (token.type === "link_open") return link(token.attrGet("href"));
  const element = document.createElement(token.tag);
  if (token.tag === "ol") element.start = Number(token.attrGet("start") ?? 1);
  const align = /text-align:(right|center)/.exec(token.attrGet("style") ?? "");
  if (align) element.className = align[1];
  return element;
}

function leaf(token) {
  switch (token.type) {
    case "inline": {
      const all = document.createDocumentFragment();
      build(all, token.children);
      return all;
    }
    case "fence":
    case "code_block":
      return codeBlock(token.content.replace(/\n$/, ""), token.info.trim().split(/\s+/)[0]);
    case "code_inline":
      return h("code", {}, token.content);
    case "math":
      return h("code", { class: "math" }, token.content);
    case "softbreak":
      return document.createTextNode("\n");
    case "hardbreak":
      return h("br");
    case "hr":
      return h("hr");
    case "image": {
      const address = token.attrGet("src");
      const element = link(address);
      element.append(token.content || address);
      return element;
    }
    default:
      return document.createTextNode(token.content);
  }
}

/** A link that tells the page behind it nothing. Its address has passed `validateLink`. */
function link(address) {
  return h("a", { href: address, target: "_blank", rel: "noopener noreferrer nofollow", title: address });
}

function codeBlock(code, language) {
  const text = h("code");
  text.append(highlighted(code, language));
  return h(
    "figure",
    { class: "code" },
    h("figcaption", {}, h("span", {}, languageName(language)), copyButton(t("copy"), () => code)),
    h("pre", { tabindex: "0" }, text),
  );
}

/** Formulas, which Markdown would tear apart: \(…\), \[…\], $$…$$ and $…$ are kept as they are. */
function readMath(state, silent) {
  const rest = state.src.slice(state.pos, state.posMax);
  const found = /^(?:\\\([^]+?\\\)|\\\[[^]+?\\\]|\$\$[^$]+\$\$|\$(?![\s\d])[^$\n]*[^\s$\\]\$(?!\d))/.exec(rest);
  if (!found) return false;
  if (!silent) state.push("math", "", 0).content = found[0];
  state.pos += found[0].length;
  return true;
}
