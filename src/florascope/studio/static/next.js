// Which unsorted photos to label next, those first that teach a run the most.

import { leaveOut, shown, told } from "./health.js";
import { button, make } from "./make.js";
import { change, classMenu } from "./photos.js";
import { photosOf, store } from "./store.js";
import { percent, say } from "./words.js";

// ask: told when somebody wants suggestions.
export function fillNext(node, { next }, ask) {
  const some = photosOf("").length > 0;
  const waiting = (next ?? []).filter(([id]) => store.labels[id] === "");
  const asking = button(say(next ? "suggestAgain" : "suggest"), ask);
  asking.id = "suggest";
  asking.disabled = !some;
  const none = next && !waiting.length ? say("nextDone") : some ? null : say("noUnsorted");
  node.replaceChildren(
    make("h2", { textContent: say("next") }),
    make("p.small", { textContent: say("nextLead") }),
    ...(none ? [make("p", { textContent: none })] : []),
    ...waiting.map(row),
    asking,
  );
}

function row([id, name, probability]) {
  const guess = say("guess", { name, share: percent(probability, 0) });
  return make("div.mend", {}, shown(id), told(guess, store.names[id]), make("div.row", {},
    button(say("itIs", { name }), () => change("label", [id], name)), classMenu((given) => change("label", [id], given)), leaveOut([id])));
}
