// From chosen or dropped files to photos of the project, with progress.

import { $ } from "../shared/dom.js";
import { sendPhotos } from "./drop.js";
import { button } from "./make.js";
import { load } from "./store.js";
import { notice, stand, trouble } from "./telling.js";
import { say } from "./words.js";

let going = null; // {photos, stopping}

// Photos that are given while others are on their way go after them.
export async function importPhotos(photos) {
  if (!photos.length) {
    notice(say("noPhotos"));
    return;
  }
  if (going && !going.stopping.signal.aborted) {
    going.photos.push(...photos);
    return;
  }
  const own = (going = { photos, stopping: new AbortController() });
  const stop = button(say("stop"), () => own.stopping.abort());
  const bar = Object.assign(document.createElement("progress"), { max: photos.length, value: 0 });
  const text = document.createElement("span");
  const told = (done, all) => {
    text.textContent = say("sending", { done, all });
    Object.assign(bar, { max: all, value: done });
  };
  told(0, photos.length);
  stand(text, bar, stop);
  $("trouble").replaceChildren();
  const result = await sendPhotos(photos, told, own.stopping.signal);
  if (going === own) {
    going = null;
    stand();
  }
  await load();
  notice(say("sent", { count: result.added }) + (result.known ? ` ${say("sentKnown", { count: result.known })}` : ""));
  if (result.failed.length) trouble(new Error(failures(result.failed)));
}

function failures(failed) {
  const shown = failed.slice(0, 3).map(({ path, reason }) => `${path}: ${reason}`);
  return `${say("unsent", { count: failed.length })} ${shown.join(" ")}`;
}
