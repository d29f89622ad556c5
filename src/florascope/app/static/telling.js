// "This is wrong": what somebody knows of a photo, sent where whoever runs the server allows it.

import * as answerer from "./answerer.js";
import { $, element, filled } from "./dom.js";
import { smaller } from "./shrink.js";

let current = null; // {photo, model, words}

// Offer to name a photo; one that only the history knows is not there to be sent.
export function offerTelling(photo, model, words, language) {
  current = { photo, model, words };
  $("tell").hidden = !(model.collects && photo instanceof Blob);
  $("told").textContent = "";
  $("tell-name").value = "";
  const names = model.classes.map((one) => (language === "es" ? (one.nombre ?? one.name) : one.name));
  $("known-list").replaceChildren(...names.toSorted().map((name) => Object.assign(element("option"), { value: name })));
}

export function listenToTelling() {
  $("tell-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const { photo, model, words } = current;
    const name = $("tell-name").value.trim();
    if (!name) return;
    $("tell-send").disabled = true;
    const answer = await answerer
      .collect(await smaller(photo, model.shorter), { name, sure: $("tell-sure").checked })
      .catch(() => null);
    $("tell-send").disabled = false;
    if (current.photo !== photo) return;
    $("told").textContent = answer ? filled(words.kept, answer) : words.unkept;
  });
}
