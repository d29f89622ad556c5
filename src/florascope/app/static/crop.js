// A part of a photo, chosen before the network is asked: closer, and without what stands around.

import { $ } from "./dom.js";
import { drawnAs, upright } from "./shrink.js";

const SIDE = 480; // pixels of the view
const STEP = 1.1; // of a turn of the wheel
const origins = new WeakMap(); // what a part was cut from, and where
let view = null; // {bitmap, settle} while something is being chosen
const fingers = new Map();

// The chosen part as a photo; the photo itself where this browser cannot show it; null for neither,
// and where this is no longer asked for, as current() says.
export async function chosenPart(photo, shorter, current) {
  const { whole, zoom, across, down } = origins.get(photo) ?? { whole: photo, zoom: 100, across: 50, down: 50 };
  const bitmap = await upright(whole);
  if (!bitmap) return photo;
  const part = current() && (await chosen(bitmap, { zoom, across, down })) ? await cut(bitmap, whole, shorter) : null;
  bitmap.close();
  return part;
}

// Let somebody choose, from some sliders on; whether something was chosen.
function chosen(bitmap, { zoom, across, down }) {
  Object.assign($("zoom"), { value: zoom });
  Object.assign($("across"), { value: across });
  Object.assign($("down"), { value: down });
  return new Promise((settle) => {
    view = { bitmap, settle };
    draw();
    $("cropping").showModal();
  });
}

// Choose nothing of what is shown, if anything is.
export function dismiss() {
  $("cropping").close("");
  settle(false);
}

// Once: the dialog tells of its closing later.
function settle(anything) {
  const settled = view?.settle;
  view = null;
  settled?.(anything);
}

// The square that the sliders stand for, in pixels of the photo.
function square({ width, height }) {
  const side = (100 * Math.min(width, height)) / $("zoom").value;
  const [left, top] = [($("across").value / 100) * (width - side), ($("down").value / 100) * (height - side)];
  return { left, top, side };
}

function draw() {
  const { left, top, side } = square(view.bitmap);
  $("view").width = $("view").height = SIDE;
  const pen = $("view").getContext("2d");
  pen.imageSmoothingQuality = "high";
  pen.drawImage(view.bitmap, left, top, side, side, 0, 0, SIDE, SIDE);
}

async function cut(bitmap, whole, shorter) {
  const place = { zoom: $("zoom").value, across: $("across").value, down: $("down").value };
  const blob = await drawnAs(bitmap, square(bitmap), shorter);
  const part = new File([blob], whole.name ?? "", { type: blob.type });
  origins.set(part, { whole, ...place });
  return part;
}

function zoomTo(value) {
  $("zoom").value = value;
  draw();
}

// Move by some pixels of the view, as if the photo lay under the finger.
function drag(right, down) {
  const { width, height } = view.bitmap;
  const { side } = square(view.bitmap);
  const share = (100 * side) / $("view").clientWidth;
  if (width > side) $("across").value = Number($("across").value) - (right * share) / (width - side);
  if (height > side) $("down").value = Number($("down").value) - (down * share) / (height - side);
  draw();
}

function move(event) {
  const before = fingers.get(event.pointerId);
  if (!before || !view) return;
  const others = [...fingers].filter(([id]) => id !== event.pointerId).map(([, place]) => place);
  fingers.set(event.pointerId, event);
  if (others.length) zoomTo(($("zoom").value * distance(event, others[0])) / distance(before, others[0]));
  else drag(event.clientX - before.clientX, event.clientY - before.clientY);
}

const distance = (one, other) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY) || 1;

export function listenToCropping() {
  for (const id of ["zoom", "across", "down"]) $(id).addEventListener("input", draw);
  $("view").addEventListener("wheel", (event) => {
    event.preventDefault();
    zoomTo($("zoom").value * (event.deltaY < 0 ? STEP : 1 / STEP));
  });
  $("view").addEventListener("pointerdown", (event) => {
    $("view").setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, event);
  });
  $("view").addEventListener("pointermove", move);
  for (const end of ["pointerup", "pointercancel"]) $("view").addEventListener(end, ({ pointerId }) => fingers.delete(pointerId));
  $("cropped").addEventListener("click", () => $("cropping").close("chosen"));
  $("uncropped").addEventListener("click", () => $("cropping").close(""));
  $("cropping").addEventListener("close", () => {
    if (!$("cropping").open) settle($("cropping").returnValue === "chosen"); // else it is another photo's
    $("cropping").returnValue = ""; // Escape leaves it as it is
  });
}
