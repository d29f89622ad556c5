// Answers from the server that the page came from.
//
// about() -> {subject, shorter, named_from, classes} of GET api/model (docs/api.md)
// identify(photo, {language, signal, progress}) -> one result of florascope/1 with
//   crop {size, image: URL of the square that was looked at} and
//   maps {rows, columns, unit, values: {class_id: [rows x columns, in logit units]},
//   bias: {class_id: what of its logit no place says}}, or no maps
//   where the server was given photos, similar {class_id: [ids of api/photos/ID, nearest first]}
// together(photos, {language, shorter}) -> {results, together} of api/identify/several
// collect(photo, {name, sure}) -> {name, sure}, where about() says `collects`
// retell(URLSearchParams, language) -> what an address carries, said again, or null
// occasion {month, latitude, longitude} goes with either, where about() says `prior`.
// progress is told, 0 to 1, how much of what must travel has done so.
// travels says whether photos leave the device.
// An answer that does not come is an Error with `status`, one of HTTP's (422: no photo that can be
// read), or with `cut` where nobody answers.

import { smaller } from "./shrink.js";

export const travels = true; // so large photos are made smaller first
export const teaching = null; // the page that teaches other classes
export const given = null; // {count, archive, forget} of photos that were named and stay on the device
export const privacy = {
  en: "Photos go to this server alone. They are answered and forgotten: nothing is stored.",
  es: "Las fotos van solo a este servidor. Se responden y se olvidan: no se guarda nada.",
  collecting: {
    en: "Photos go to this server alone. They are answered and forgotten, but for those that you give to it by name.",
    es: "Las fotos van solo a este servidor. Se responden y se olvidan, salvo las que usted le dé con su nombre.",
  },
};

export async function about() {
  const response = await fetch("api/model");
  return response.json();
}

// XMLHttpRequest, since fetch does not tell how much of a body was sent.
export function identify(photo, { language, occasion, signal, progress }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const failed = (about) => reject(Object.assign(new Error("no answer"), about));
    request.open("POST", `api/identify?${new URLSearchParams({ language, ...occasion })}`);
    request.responseType = "json";
    request.upload.addEventListener("progress", ({ loaded, total }) => progress(loaded / total));
    request.addEventListener("error", () => failed({ cut: true }));
    request.addEventListener("abort", () => failed({ cut: true }));
    request.addEventListener("load", () => {
      if (request.status !== 200) failed({ status: request.status });
      else if (request.response) resolve(request.response.results[0]);
      else failed({ cut: true }); // the answer broke off
    });
    signal.addEventListener("abort", () => request.abort());
    request.send(photo);
  });
}

export async function together(photos, { language, occasion, shorter }) {
  const form = new FormData();
  for (const photo of photos) form.append("photo", await smaller(photo, shorter), photo.name);
  const query = new URLSearchParams({ language, ...occasion, together: true });
  return posted(`api/identify/several?${query}`, form);
}

export function collect(photo, { name, sure }) {
  return posted(`api/collect?${new URLSearchParams({ name, sure })}`, photo);
}

// The answer that an address tells of, null where it can be none of this model's.
export async function retell(told, language) {
  const query = new URLSearchParams(told);
  query.set("language", language);
  const answer = await answered(`api/verdict?${query}`).catch((error) => {
    if (error.status === 422) return null;
    throw error;
  });
  return answer?.result ?? null;
}

function posted(address, body) {
  return answered(address, { method: "POST", body });
}

async function answered(address, options) {
  const response = await fetch(address, options).catch(() => null);
  if (!response) throw Object.assign(new Error("no answer"), { cut: true });
  if (!response.ok) throw Object.assign(new Error("no answer"), { status: response.status });
  return response.json();
}
