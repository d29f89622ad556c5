// The photos: classes on one side, their photos on the other; whatever is done can be undone.

import { chosenPhotos } from "./drop.js";
import { Grid } from "./grid.js";
import { importPhotos } from "./importing.js";
import { button, make } from "./make.js";
import { post } from "./server.js";
import { classes, edit, fileName, listen, load, photosOf, store, undo } from "./store.js";
import { ask, enlarge, notice, once, tried } from "./telling.js";
import { say } from "./words.js";

const ALL = undefined;
const FEW = 10; // photos, below which a class can hardly be learned
const NEW = "\u0000new";

export function photosView(node, chosen) {
  const view = { label: chosen === "" ? ALL : chosen === "unsorted" ? "" : chosen === "left-out" ? null : chosen.replace(/^class-/, "") };
  view.title = make("h1", { textContent: say("photos") });
  view.lead = make("p.lead");
  view.list = make("ul.classes", { ariaLabel: say("classes") });
  view.bar = make("div.bar", { role: "toolbar", ariaLabel: say("actions") });
  view.grid = new Grid({
    label: say("photos"),
    named: fileName,
    opened: (id) => enlarge(id),
    chosen: () => fillBar(view),
  });
  view.columns = make("div.columns", {}, view.list, make("div", {}, view.bar, view.grid.node));
  view.empty = emptyView();
  node.append(view.title, view.lead, view.columns, view.empty);
  const refresh = () => fill(view);
  refresh();
  const deaf = listen(refresh);
  return () => (deaf(), view.grid.leave());
}

function fill(view) {
  const any = store.names.length > 0;
  view.columns.hidden = !any;
  view.empty.hidden = any;
  view.lead.textContent = say(!any ? "emptyLead" : store.source ? "linkedLead" : "ownLead", { source: store.source });
  if (!any) return;
  fillClasses(view);
  view.grid.show(photosOf(view.label));
}

function emptyView() {
  return make("div.drop", {}, make("h2", { textContent: say("dropHere") }), make("p.small", { textContent: say("dropNote") }), make("div.row", {}, ...adding("primary")));
}

function adding(kind) {
  const field = (properties) => {
    const input = make("input", { type: "file", multiple: true, ...properties });
    input.onchange = tried(async () => {
      await importPhotos(chosenPhotos(input.files));
      input.value = "";
    });
    return input;
  };
  return [
    make(`label.button${kind ? `.${kind}` : ""}`, {}, field({ webkitdirectory: true, id: "folder" }), say("chooseFolder")),
    make("label.button", {}, field({ accept: "image/*", id: "files" }), say("chooseFiles")),
  ];
}

function fillClasses(view) {
  const [unsorted, out] = [photosOf(""), photosOf(null)];
  const rows = [
    [ALL, say("everything"), photosOf(ALL).length],
    ...(unsorted.length ? [["", say("unsorted"), unsorted.length]] : []),
    ...classes().map(([name, count]) => [name, name, count]),
    ...(out.length ? [[null, say("leftOut"), out.length]] : []),
  ];
  if (!rows.some(([label]) => label === view.label)) view.label = view.renamed ?? ALL;
  view.list.replaceChildren(...rows.map((row) => make("li", {}, classButton(view, row))));
}

function classButton(view, [label, name, count]) {
  const node = make("button", { type: "button", ariaPressed: String(label === view.label) }, make("span", { textContent: name, title: name }), make("span", { textContent: count.toLocaleString() }));
  if (label && count < FEW) node.classList.add("few");
  node.onclick = () => {
    view.label = label;
    view.grid.node.scrollTop = 0;
    view.grid.select([]);
    fill(view);
    view.list.querySelector("[aria-pressed=true]")?.focus();
  };
  if (label === ALL) return node;
  node.ondragover = (event) => {
    if (!event.dataTransfer.types.includes("application/x-florascope")) return;
    event.preventDefault();
    node.classList.add("target");
  };
  node.ondragleave = () => node.classList.remove("target");
  node.ondrop = (event) => {
    event.preventDefault();
    node.classList.remove("target");
    change(label === null ? "remove" : "label", [...view.grid.selected], label ?? "");
  };
  return node;
}

function fillBar(view) {
  const chosen = [...view.grid.selected];
  const count = make("span.count", { role: "status" });
  count.textContent = chosen.length ? say("selected", { count: chosen.length }) : say("counted", { count: view.grid.ids.length });
  const parts = chosen.length ? selectionActions(view, chosen) : viewActions(view);
  view.bar.replaceChildren(count, ...parts, ...undoButton());
}

function selectionActions(view, chosen) {
  return [
    classMenu((name) => change("label", chosen, name)),
    chosen.length === 1 ? button(say("open"), () => enlarge(chosen[0])) : null,
    view.label === null ? null : button(say("leaveOut"), () => change("remove", chosen)),
    button(say("none"), () => view.grid.select([]), "button.button.plain"),
  ].filter(Boolean);
}

// A menu of all classes and a new one.
export function classMenu(picked) {
  const options = classes().map(([name]) => make("option", { value: name, textContent: name }));
  const menu = make("select", { ariaLabel: say("giveClass") }, make("option", { value: "", textContent: say("giveClass") }), ...options, make("option", { value: NEW, textContent: say("newClass") }));
  menu.onchange = async () => {
    const name = menu.value === NEW ? await ask({ title: say("newClassTitle"), label: say("className"), yes: say("give"), names: classes().map(([known]) => known) }) : menu.value;
    menu.value = "";
    if (name) picked(name);
  };
  return menu;
}

function viewActions(view) {
  const named = view.label ? [button(say("rename"), () => rename(view))] : [];
  const all = view.grid.ids.length ? [button(say("selectAll"), () => view.grid.select(view.grid.ids), "button.button.plain")] : [];
  return [...all, ...named, ...corrections(), ...adding()];
}

function corrections() {
  if (!store.corrections) return [];
  const take = once(async () => {
    const { taken } = await post("api/corrections");
    await load();
    notice(say("correctionsTaken", { count: taken }));
  });
  return [button(say("corrections", { count: store.corrections }), take)];
}

const rename = tried(async (view) => {
  const old = view.label;
  const name = await ask({ title: say("renameTitle", { name: old }), note: say("renameNote"), label: say("className"), value: old, yes: say("rename"), names: classes().map(([known]) => known) });
  if (!name || name === old) return;
  view.renamed = name;
  await change("rename", [], name, old);
  view.renamed = null;
});

export const change = tried(async (kind, photos, to = "", of = "") => {
  await edit({ kind, photos, to, of });
  notice(done(store.undo), button(say("undo"), takeBack));
});

const takeBack = tried(async () => {
  await undo();
  notice(say("undone"));
});

function undoButton() {
  if (!store.undo) return [];
  const node = button(say("undo"), takeBack);
  node.title = done(store.undo);
  node.id = "undo";
  return [node];
}

function done({ kind, photos, to, of }) {
  const word = kind === "label" && !to ? "did-unsorted" : `did-${kind}`;
  return say(word, { count: photos, to, of });
}
