// An answer to take along: its sentence, or a picture with what it says, never without its cautions.

import { warning } from "./answer.js";
import { $, element, save } from "./dom.js";
import { worst } from "./harm.js";
import { addressOf } from "./link.js";

const WIDTH = 720;
const EDGE = 28;
const FONT = "system-ui, sans-serif";
let current = null; // {result, picture, words}

// picture: null where the photo is not there.
export function offerSharing(result, picture, model, words) {
  current = { result, picture, words };
  $("copied").textContent = "";
  $("save").hidden = !picture;
  $("link").hidden = !result.verdict.members; // answers that were kept before they had any
  if (result.verdict.members) $("link").href = addressOf(result, model);
  $("copy").hidden = !navigator.clipboard; // browsers give it to secure pages alone
  $("share").hidden = !navigator.canShare?.({ text: sentence() });
}

// What is said, with everything that harms and the advice.
function sentence() {
  return lines().join(" ");
}

function lines() {
  const { result, words } = current;
  const refused = result.verdict.level === "none";
  const told = refused ? [] : result.cautions.map(({ text }) => text);
  return [result.verdict.statement, ...told, refused ? "" : warning(result, words), result.advice].filter(Boolean);
}

export function listenToSharing() {
  $("copy").addEventListener("click", () => copy(sentence(), current.words.copied));
  $("link").addEventListener("click", (event) => {
    if (!navigator.clipboard) return; // then it is followed, and stands in the address bar
    event.preventDefault();
    copy($("link").href, current.words.linked);
  });
  $("save").addEventListener("click", async () => save(await drawn(), "florascope.png"));
  $("share").addEventListener("click", () => navigator.share({ text: sentence(), url: $("link").href || undefined }).catch(() => {})); // closed again
}

// A browser may first ask whether it may: the note is of this answer alone.
async function copy(text, note) {
  const own = current;
  await navigator.clipboard.writeText(text);
  if (current === own) $("copied").textContent = note;
}

// The square that was looked at, and below it what is said.
function drawn() {
  const { result, picture } = current;
  const canvas = element("canvas");
  const pen = canvas.getContext("2d");
  const blocks = lines().map((text, place) => block(pen, text, place, result));
  canvas.width = WIDTH;
  canvas.height = WIDTH + EDGE + blocks.reduce((sum, { rows, step }) => sum + rows.length * step + EDGE / 2, 0);
  pen.fillStyle = "white";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.drawImage(picture, 0, 0, WIDTH, WIDTH);
  let y = WIDTH + EDGE / 2;
  for (const { rows, step, font, colour } of blocks) {
    [pen.font, pen.fillStyle] = [font, colour];
    for (const row of rows) pen.fillText(row, EDGE, (y += step));
    y += EDGE / 2;
  }
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

function block(pen, text, place, { cautions, lookalikes, verdict }) {
  const first = place === 0;
  const deadly = verdict.level !== "none" && worst([...cautions, ...lookalikes]) === "deadly";
  const font = first ? `600 30px ${FONT}` : `20px ${FONT}`;
  pen.font = font;
  const colour = !first && deadly && place < lines().length - 1 ? "#a3160a" : "#1d2521";
  return { rows: wrapped(pen, text, WIDTH - 2 * EDGE), step: first ? 38 : 28, font, colour };
}

function wrapped(pen, text, width) {
  const rows = [""];
  for (const word of text.split(" ")) {
    const longer = `${rows.at(-1)} ${word}`.trim();
    if (pen.measureText(longer).width <= width) rows[rows.length - 1] = longer;
    else rows.push(word);
  }
  return rows;
}
