// Answers from the server that the page came from.
//
// identify(photo, {language}) -> one result of florascope/1 with
//   crop {size, image: URL of the square that was looked at} and
//   maps {rows, columns, unit, values: {class_id: [rows x columns, in logit units]},
//   bias: {class_id: what of its logit no place says}}, or no maps
//   where the server was given photos, similar {class_id: [ids of api/photos/ID, nearest first]}
// travels says whether photos leave the device.
// An answer that does not come is an Error with `status`, one of HTTP's (422: no photo that can be
// read), or with `offline` where nobody answers.

export const travels = true; // so large photos are made smaller first
export const privacy = {
  en: "Photos go to this server alone. They are answered and forgotten: nothing is stored.",
  es: "Las fotos van solo a este servidor. Se responden y se olvidan: no se guarda nada.",
};

export async function identify(photo, { language }) {
  let response;
  try {
    response = await fetch(`api/identify?language=${language}`, { method: "POST", body: photo });
  } catch {
    throw Object.assign(new Error("offline"), { offline: true });
  }
  if (!response.ok) throw Object.assign(new Error(await response.text()), { status: response.status });
  return (await response.json()).results[0];
}
