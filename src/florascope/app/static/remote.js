// Answers from the server that the page came from.
//
// about() -> {subject, shorter, named_from, classes} of GET api/model (docs/api.md)
// identify(photo, {language, signal, progress}) -> one result of florascope/1 with
//   crop {size, image: URL of the square that was looked at} and
//   maps {rows, columns, unit, values: {class_id: [rows x columns, in logit units]},
//   bias: {class_id: what of its logit no place says}}, or no maps
//   where the server was given photos, similar {class_id: [ids of api/photos/ID, nearest first]}
// progress is told, 0 to 1, how much of what must travel has done so.
// travels says whether photos leave the device.
// An answer that does not come is an Error with `status`, one of HTTP's (422: no photo that can be
// read), or with `cut` where nobody answers.

export const travels = true; // so large photos are made smaller first
export const privacy = {
  en: "Photos go to this server alone. They are answered and forgotten: nothing is stored.",
  es: "Las fotos van solo a este servidor. Se responden y se olvidan: no se guarda nada.",
};

export async function about() {
  const response = await fetch("api/model");
  return response.json();
}

// XMLHttpRequest, since fetch does not tell how much of a body was sent.
export function identify(photo, { language, signal, progress }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const failed = (about) => reject(Object.assign(new Error("no answer"), about));
    request.open("POST", `api/identify?language=${language}`);
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
