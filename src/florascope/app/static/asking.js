// One question at a time: a new photo ends the old one's, and none waits for ever.

import * as answerer from "./answerer.js";
import { smaller } from "./shrink.js";

const PATIENCE = 45_000; // milliseconds in which nothing moves
let current = null;
let last = Promise.resolve(); // question

// Stop waiting for the answer that is on its way; its question fails with `cancelled`.
export function cancel() {
  current?.abort({ cancelled: true });
}

// The answer; else an Error of the answerer's, or with `superseded`, `cancelled` or `late`.
export function asked(photo, options) {
  return (last = question(photo, options));
}

// Returns once no question is open.
export async function idle() {
  for (let seen = null; seen !== last; ) {
    seen = last;
    await seen.catch(() => {}); // whoever asked hears of it
  }
}

async function question(photo, { progress, ...options }) {
  current?.abort({ superseded: true });
  const own = (current = new AbortController());
  let timer;
  const wait = () => {
    clearTimeout(timer);
    timer = setTimeout(() => own.abort({ late: true }), PATIENCE);
  };
  const moved = (share) => {
    wait();
    progress(share);
  };
  wait();
  try {
    const work = answer(photo, { ...options, progress: moved, signal: own.signal });
    return await Promise.race([work, aborted(own.signal)]);
  } finally {
    clearTimeout(timer);
  }
}

async function answer(photo, { shorter, ...options }) {
  const sent = answerer.travels ? await smaller(photo, shorter) : photo;
  options.signal.throwIfAborted();
  return answerer.identify(sent, options);
}

function aborted(signal) {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason));
  });
}
