// What the page asks of the server. An answer that does not come is an Error with a message that a
// person can act on.

import { language, say } from "./words.js";

export const get = (path) => asked(path);
export const post = (path, value) =>
  asked(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(value ?? {}) });
export const remove = (path) => asked(path, { method: "DELETE" });
export const send = (path, body, signal) => asked(path, { method: "POST", body, signal });

async function asked(path, options) {
  const headers = { ...options?.headers, "accept-language": language() };
  const response = await fetch(path, { ...options, headers }).catch((error) => {
    throw error.name === "AbortError" ? error : new Error(say("cut"));
  });
  const told = await response.json().catch(() => null);
  if (response.ok) return told;
  const spoken = told?.detail ? response.headers.get("content-language") : null;
  throw Object.assign(new Error(told?.detail ?? say("cut")), { status: response.status, language: spoken });
}

export const small = (id) => `api/photos/${id}/small`;
export const large = (id) => `api/photos/${id}/large`;
