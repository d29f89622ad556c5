// What the page says and asks: a notice, a trouble, a question, a photo at full size.

import { $ } from "../shared/dom.js";
import { turns } from "../shared/turns.js";
import { button, make, picture } from "./make.js";
import { large } from "./server.js";
import { fileName } from "./store.js";
import { language, say } from "./words.js";

let timer;
let standing = [];

export function notice(text, action = null) {
  $("trouble").textContent = "";
  $("notice").replaceChildren(make("span", { textContent: text }), ...(action ? [action] : []));
  clearTimeout(timer);
  timer = setTimeout(rest, 9000);
}

// What stands where notices do whenever none is there; nothing ends that.
export function stand(...nodes) {
  standing = nodes;
  rest();
}

function rest() {
  clearTimeout(timer);
  $("notice").replaceChildren(...standing);
}

export function trouble(error) {
  rest();
  $("trouble").replaceChildren(
    make("span", { textContent: error.message, lang: error.language ?? language() }),
    button("×", () => $("trouble").replaceChildren(), "button.button.plain"),
  );
}

// Run what may fail; its error is shown.
export const tried = (work) => async (...given) => {
  try {
    return await work(...given);
  } catch (error) {
    trouble(error);
    return null;
  }
};

// The same of what a double click means once: while it is under way, it is not begun again.
export function once(work) {
  let going = null;
  return (...given) => (going ??= tried(work)(...given).finally(() => (going = null)));
}

// Ask the server and show its answer, or its error, in a node: not where a later asking has begun, nor
// once the node has left the page.
export function newest(node, asked, show) {
  const askings = turns();
  return async (...given) => {
    const latest = askings();
    const wanted = () => latest() && node.isConnected;
    try {
      const told = await asked(...given);
      if (wanted()) show(told, ...given);
    } catch (error) {
      if (wanted()) trouble(error);
    }
  };
}

// Ask for a name, or for a yes where there is no label; null where the answer is no.
export function ask({ title, note = "", label = "", value = "", yes, names = [] }) {
  const [dialog, field] = [$("ask"), $("ask-value")];
  $("ask-title").textContent = title;
  $("ask-note").textContent = note;
  $("ask-label").textContent = label;
  $("ask-field").hidden = !label;
  $("ask-yes").textContent = yes;
  field.required = Boolean(label);
  field.value = value;
  $("class-list").replaceChildren(...names.map((name) => make("option", { value: name })));
  dialog.returnValue = "no";
  dialog.showModal();
  if (label) field.select();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes" ? field.value.trim() || true : null), { once: true });
  });
}

// Show a photo large, beside it what else is to be seen of it: [{src, caption}].
export function enlarge(id, { more = [], actions = [] } = {}) {
  const shown = [{ src: large(id), caption: "" }, ...more].map(({ src, caption }) =>
    make("figure", {}, picture(src, fileName(id)), caption && make("figcaption.small", { textContent: caption })),
  );
  const close = () => $("large").close();
  $("large-pictures").replaceChildren(...shown);
  $("large-name").textContent = fileName(id);
  $("large-actions").replaceChildren(
    ...actions.map(([text, act]) => button(text, () => (close(), act()))),
    button(say("close"), close),
  );
  $("large").showModal();
}
