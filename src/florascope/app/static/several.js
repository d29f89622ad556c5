// Several photos: a list of what each is, and one answer for all where they show one thing.

import * as answerer from "./answerer.js";
import { warning } from "./answer.js";
import { asked, cancel, idle } from "./asking.js";
import { $, element, filled } from "./dom.js";
import { badge, worst, worstFirst } from "./harm.js";
import { loaded } from "./map.js";
import { downloadTable } from "./table.js";
import { complaint } from "./trouble.js";

const MOST = 20;
let list = null; // {items: [{file, url, result, picture, told}], page}

// page: {options(), words(), wished(), show(file, result, picture, views), keep(file, result, picture)} of the page.
export async function answerAll(files, page) {
  forget();
  const items = [...files].slice(0, MOST).map((file) => ({ file, url: URL.createObjectURL(file) }));
  const own = (list = { items, page, extra: Math.max(0, files.length - MOST) });
  draw();
  for (const [place, item] of items.entries()) {
    $("several-progress").value = place / items.length;
    const ended = await answerOne(item, own);
    if (list !== own) return; // others were chosen meanwhile
    draw();
    if (ended) break;
  }
  finish(own);
}

// Answer one photo; true where nobody waits for the rest.
async function answerOne(item, own) {
  const { page } = own;
  item.busy = true;
  draw();
  try {
    item.result = await asked(item.file, { ...page.options(), progress: () => {} });
    item.picture = await loaded(item.result.crop.image);
    page.keep(item.file, item.result, item.picture);
  } catch (error) {
    if (error.superseded) return interrupted(item, own);
    item.told = await complaint(item.file, error, page.words());
    return Boolean(error.cancelled);
  } finally {
    item.busy = false;
  }
  return false;
}

// By a question about a part of one photo, after which the list goes on, or by another list or photo.
async function interrupted(item, own) {
  if (list === own) await idle();
  return list === own ? answerOne(item, own) : true;
}

function finish({ items, page, extra }) {
  const words = page.words();
  $("going").hidden = true;
  const answered = items.filter(({ result }) => result);
  const failed = items.filter(({ told }) => told).map(({ file }) => file.name);
  $("together").hidden = answered.length < 2 || !answerer.together;
  $("tables").hidden = answered.length === 0;
  const parts = [filled(words.answered, { count: answered.length, all: items.length })];
  if (failed.length) parts.push(filled(words.failures, { names: failed.join(", ") }));
  if (extra) parts.push(filled(words.tooMany, { most: MOST, extra }));
  const deadly = new Set(answered.map(({ result }) => warning(result, words)).filter(Boolean));
  $("status").textContent = [...parts, ...deadly].join(" ");
  $("several").setAttribute("aria-busy", "false");
}

function draw() {
  const { items, page } = list;
  $("several").hidden = false;
  $("several").setAttribute("aria-busy", "true");
  $("going").hidden = false;
  $("together").hidden = $("tables").hidden = true;
  $("photos").replaceChildren(...items.map((item) => card(item, page)));
}

function card(item, page) {
  const words = page.words();
  const image = Object.assign(new Image(96, 96), { src: item.url, alt: "" });
  image.addEventListener("error", () => image.remove()); // no format of this browser's
  const name = element("h3", item.file.name);
  const node = element("li", image, element("div", name, ...said(item, words)));
  node.dataset.state = item.result ? item.result.verdict.level : item.told ? "failed" : "waiting";
  if (item.result) {
    const button = element("button", words.details);
    button.type = "button";
    button.className = "button";
    button.setAttribute("aria-label", `${words.details}: ${item.file.name}`);
    button.addEventListener("click", () => page.show(item.file, item.result, item.picture));
    node.lastChild.append(button);
  }
  return node;
}

function said(item, words) {
  if (item.told) return [Object.assign(element("p", item.told), { className: "failure" })];
  if (!item.result) return [Object.assign(element("p", item.busy ? words.looking : words.waits), { className: "small" })];
  const { verdict } = item.result;
  return [element("p", verdict.statement), ...marks(item.result, words)];
}

// Every plant that does harm, worst first: none is left for the details.
function marks({ verdict, cautions, lookalikes }, words) {
  if (verdict.level === "none") return [];
  const once = new Map([...cautions, ...lookalikes].map((entry) => [entry.class_id, entry])).values();
  const named = worstFirst([...once]).filter((entry) => worst([entry]) !== "unlisted");
  if (named.length === 0) return [];
  const node = element("ul", ...named.map((entry) => element("li", entry.name, " ", badge(entry, words))));
  node.className = "marks";
  return [node];
}

async function answerTogether() {
  const { items, page } = list;
  const wanted = page.wished();
  const answered = items.filter(({ result }) => result);
  $("together").disabled = true;
  $("status").textContent = page.words().looking;
  try {
    const files = answered.map(({ file }) => file);
    const { results, together } = await answerer.together(files, page.options());
    const views = await Promise.all(
      results.filter(({ crop }) => crop).map(async (result) => ({ result, picture: await loaded(result.crop.image) })),
    );
    if (!wanted()) return;
    const [{ result, picture }] = views;
    page.show(files[0], { ...together, crop: result.crop, maps: result.maps }, picture, views);
  } catch (error) {
    const told = await complaint(answered[0].file, error, page.words());
    if (!wanted()) return;
    $("status").textContent = "";
    $("error").textContent = told;
  } finally {
    $("together").disabled = false;
  }
}

// Nothing of an earlier list is kept.
export function forget() {
  list?.items.forEach(({ url }) => URL.revokeObjectURL(url));
  list = null;
  $("several").hidden = true;
}

// The list's files, so that they can be answered again in another language.
export const listed = () => list?.items.map(({ file }) => file) ?? [];

export function listenToSeveral() {
  $("several-cancel").addEventListener("click", cancel);
  $("together").addEventListener("click", answerTogether);
  for (const kind of ["csv", "json"]) $(kind).addEventListener("click", () => downloadTable(list.items, kind));
}
