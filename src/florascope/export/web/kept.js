// What somebody taught, kept on this device alone until it is deleted.

const STORE = "teaching";
const KEY = "current";

// {examples: [{name, photos: [{features, elsewhere, look, feared, picture}]}], network, taught: see taught.js}, or undefined.
export const recall = () => within("readonly", (store) => store.get(KEY));
export const keep = (lesson) => within("readwrite", (store) => store.put(lesson, KEY));
export const forget = () => within("readwrite", (store) => store.delete(KEY));

async function within(mode, work) {
  const database = await settled(opening());
  try {
    return await settled(work(database.transaction(STORE, mode).objectStore(STORE)));
  } finally {
    database.close();
  }
}

function opening() {
  const request = indexedDB.open("florascope", 1);
  request.addEventListener("upgradeneeded", () => request.result.createObjectStore(STORE));
  return request;
}

function settled(request) {
  return new Promise((resolve, reject) => {
    request.addEventListener("success", () => resolve(request.result));
    request.addEventListener("error", () => reject(request.error));
  });
}
