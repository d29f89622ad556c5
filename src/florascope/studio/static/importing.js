// From chosen or dropped files to photos of the project, with progress.

import { $ } from "../shared/dom.js";
import { sendPhotos } from "./drop.js";
import { button } from "./make.js";
import { load } from "./store.js";
import { notice, trouble } from "./telling.js";
import { say } from "./words.js";

let going = null;

export async function importPhotos(photos) {
  if (!photos.length) {
    notice(say("noPhotos"));
    return;
  }
  if (going) return;
  going = new AbortController();
  const stop = button(say("stop"), () => going.abort());
  const bar = Object.assign(document.createElement("progress"), { max: photos.length, value: 0 });
  const text = document.createElement("span");
  const box = $("trouble");
  const told = (done, all) => {
    text.textContent = say("sending", { done, all });
    bar.value = done;
  };
  told(0, photos.length);
  $("notice").replaceChildren(text, bar, stop);
  box.replaceChildren();
  try {
    const result = await sendPhotos(photos, told, going.signal);
    await load();
    notice(say("sent", { count: result.added }) + (result.known ? ` ${say("sentKnown", { count: result.known })}` : ""));
    if (result.failed.length) trouble(new Error(failures(result.failed)));
  } finally {
    going = null;
  }
}

function failures(failed) {
  const shown = failed.slice(0, 3).map(({ path, reason }) => `${path}: ${reason}`);
  return `${say("unsent", { count: failed.length })} ${shown.join(" ")}`;
}
