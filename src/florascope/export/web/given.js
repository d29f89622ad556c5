// Photos that somebody named, kept on this device until they are taken along: class folders in a ZIP
// archive, as `florascope train` takes them once unpacked. Follows florascope.app.collection.

import { within } from "./kept.js";
import { model } from "./network.js";
import { drawnAs, upright } from "./shrink.js";
import { checksum, zipped } from "./zip.js";

const UNSURE = ".unsure/"; // hidden, so that training passes it by
const MOST = 1000; // photos
const LONGEST = 100; // characters of a name
const FORBIDDEN = /[/\\:*?"<>|\p{C}]|^\.|\.$/u; // in names of folders, on one system or another

// Keep a photo, written anew without place, time and camera, under a class's name.
export async function collect(photo, { name, sure }) {
  const { classes, shorter } = await model();
  const filed = folderOf(name, classes);
  const bitmap = await upright(photo);
  if (!filed || !bitmap || (await count()) >= MOST) throw Object.assign(new Error("not kept"), { status: 422 });
  const { width, height } = bitmap;
  const picture = await drawnAs(bitmap, { left: 0, top: 0, width, height }, shorter);
  bitmap.close();
  const bytes = new Uint8Array(await picture.arrayBuffer());
  const path = `${sure ? "" : UNSURE}${filed}/${checksum(bytes).toString(16)}-${bytes.length}.jpg`; // once under a name
  await within("given", "readwrite", (store) => store.put(bytes, path));
  return { name: filed, sure };
}

export const count = () => within("given", "readonly", (store) => store.count());
export const forget = () => within("given", "readwrite", (store) => store.clear());

export async function archive() {
  const paths = await within("given", "readonly", (store) => store.getAllKeys());
  const photos = await within("given", "readonly", (store) => store.getAll());
  return new Blob([zipped(paths.map((path, k) => [path, photos[k]]))], { type: "application/zip" });
}

// A class's name, by its id or a name in either language, or another one; null where it can name no folder.
function folderOf(name, classes) {
  const wanted = name.split(/\s+/).filter(Boolean).join(" ");
  const plain = wanted.toLowerCase();
  const known = classes.find(({ class_id, names }) => [class_id, names.en, names.es].some((own) => own.toLowerCase() === plain));
  const own = known ? [known.names.en, known.class_id] : [wanted];
  return own.find((one) => one && one.length <= LONGEST && !FORBIDDEN.test(one)) ?? null;
}
