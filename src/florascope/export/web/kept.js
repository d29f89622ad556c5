// What somebody taught, kept on this device alone until it is deleted.

const KEY = "current";
const STORE = "kept";

// {examples: [{name, photos: [{features, elsewhere, look, feared, picture}]}], network, taught: see taught.js}, or undefined.
export const recall = () => within("teaching", "readonly", (store) => store.get(KEY));
export const keep = (lesson) => within("teaching", "readwrite", (store) => store.put(lesson, KEY));
export const forget = () => within("teaching", "readwrite", (store) => store.delete(KEY));

// What a request to one of this device's stores comes to.
export async function within(name, mode, work) {
  const database = await settled(opening(name));
  try {
    return await settled(work(database.transaction(STORE, mode).objectStore(STORE)));
  } finally {
    database.close();
  }
}

function opening(name) {
  const request = indexedDB.open(`florascope-${name}`, 1);
  request.addEventListener("upgradeneeded", () => request.result.createObjectStore(STORE));
  return request;
}

function settled(request) {
  return new Promise((resolve, reject) => {
    request.addEventListener("success", () => resolve(request.result));
    request.addEventListener("error", () => reject(request.error));
  });
}
