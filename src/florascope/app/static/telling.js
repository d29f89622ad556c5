// "This is wrong": what somebody knows of a photo, sent where whoever runs the server allows it; where
// there is no server, kept on the device until it is taken along.

import * as answerer from "./answerer.js";
import { $, element, filled, save } from "./dom.js";
import { smaller } from "./shrink.js";

let current = null; // {photo, model}

// Offer to name a photo; one that only the history knows is not there to be sent.
export function offerTelling(photo, model, language) {
  current = { photo, model };
  $("tell").hidden = !(model.collects && photo instanceof Blob);
  $("told").textContent = "";
  $("tell-name").value = "";
  const names = model.classes.map((one) => (language === "es" ? (one.nombre ?? one.name) : one.name));
  $("known-list").replaceChildren(...names.toSorted().map((name) => Object.assign(element("option"), { value: name })));
}

// Say how many photos the device keeps, and let them be taken along.
export async function showGiven(words) {
  const count = answerer.given ? await answerer.given.count().catch(() => 0) : 0; // private windows may refuse
  $("given").hidden = count === 0;
  $("given-count").textContent = filled(words.given, { count });
}

// words: of the moment.
export function listenToTelling(words) {
  if (answerer.given) {
    $("tell-note").dataset.word = "tellNoteHere";
    $("tell-send").dataset.word = "tellSendHere";
    $("given-save").addEventListener("click", async () => save(await answerer.given.archive(), "florascope-photos.zip"));
    $("given-forget").addEventListener("click", async () => {
      await answerer.given.forget();
      await showGiven(words());
      $("title").focus();
    });
  }
  $("tell-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const { photo, model } = current;
    const told = { name: $("tell-name").value.trim(), sure: $("tell-sure").checked }; // as it was sent
    if (!told.name) return;
    $("tell-send").disabled = true;
    const answer = await answerer.collect(await smaller(photo, model.shorter), told).catch(() => null);
    $("tell-send").disabled = false;
    await showGiven(words());
    if (current.photo !== photo) return;
    $("told").textContent = answer ? filled(words().kept, answer) : words().unkept;
  });
}
