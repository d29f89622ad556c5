// Dropped folders: all their photos, sent a few at a time.

import { send } from "./server.js";

const PHOTO = /\.(jpe?g|jpe|jfif|mpo|a?png|webp|gif|bmp|tiff?|avif|hei[cf])$/i;
const AT_ONCE = 4;
const TRIES = 3;

// Photos of a file field: [{file, path}].
export const chosenPhotos = (files) =>
  [...files].map((file) => ({ file, path: file.webkitRelativePath || file.name })).filter(isPhoto);

// Photos of a drop, also those in its folders.
export async function droppedPhotos(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const found = [];
  for (const entry of entries) await walk(entry, found);
  return found.filter(isPhoto);
}

const isPhoto = ({ path }) => PHOTO.test(path) && !path.split("/").some((part) => part.startsWith("."));

async function walk(entry, found) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    found.push({ file, path: entry.fullPath.replace(/^\//, "") });
    return;
  }
  const reader = entry.createReader();
  for (;;) { // a folder's entries come in parts
    const part = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!part.length) return;
    for (const below of part) await walk(below, found);
  }
}

// Send photos; told(done, all) after each. {added, known, failed: [{path, reason}]}
export async function sendPhotos(photos, told, signal) {
  const result = { added: 0, known: 0, failed: [] };
  let [next, done] = [0, 0];
  const worker = async () => {
    while (next < photos.length && !signal.aborted) {
      const { file, path } = photos[next];
      next += 1;
      await sendOne(file, path, result, signal);
      done += 1;
      told(done, photos.length);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return result;
}

async function sendOne(file, path, result, signal) {
  for (let tries = 1; ; tries += 1) {
    try {
      const { id } = await send(`api/photos?${new URLSearchParams({ path })}`, file, signal);
      result[id === null ? "known" : "added"] += 1;
      return;
    } catch (error) {
      if (signal.aborted) return;
      if ((error.status && error.status !== 429) || tries === TRIES) {
        result.failed.push({ path, reason: error.message });
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, 400 * tries));
    }
  }
}
