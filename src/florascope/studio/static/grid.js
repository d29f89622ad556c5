// A grid of photos of any number: only those in sight are in the page.

import { make } from "./make.js";
import { small } from "./server.js";

const GAP = 6;
const SIDE = 132; // pixels that a tile should have
const SPARE = 2; // rows beyond what is in sight
const CALM = 70; // milliseconds between two looks at which pictures to fetch

export class Grid {
  // named(id): what a photo is called. opened(id), chosen(ids): told of what a person does.
  constructor({ label, named, opened, chosen }) {
    Object.assign(this, { named, opened, chosen, ids: [], selected: new Set(), tiles: new Map(), at: 0, anchor: 0 });
    this.sheet = make("div");
    this.node = make("div.grid", { role: "listbox", ariaLabel: label, tabIndex: -1 }, this.sheet);
    this.node.setAttribute("aria-multiselectable", "true");
    this.node.addEventListener("scroll", () => this.#soon(), { passive: true });
    this.node.addEventListener("keydown", (event) => this.#key(event));
    this.sheet.addEventListener("click", (event) => this.#click(event));
    this.sheet.addEventListener("dblclick", (event) => this.#open(this.#place(event)));
    this.sheet.addEventListener("dragstart", (event) => this.#drag(event));
    this.watch = new ResizeObserver(() => this.#soon());
    this.watch.observe(this.node);
  }

  show(ids) {
    const kept = new Set(ids);
    this.ids = ids;
    this.at = Math.min(this.at, Math.max(0, ids.length - 1));
    this.selected = new Set([...this.selected].filter((id) => kept.has(id)));
    this.#draw();
    this.chosen(this.selected);
  }

  select(ids) {
    this.selected = new Set(ids);
    for (const [id, tile] of this.tiles) this.#mark(tile, id);
    this.chosen(this.selected);
  }

  leave() {
    this.watch.disconnect();
    clearTimeout(this.timer);
  }

  #soon() {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = null;
      this.#draw();
    });
  }

  #draw() {
    const width = this.node.clientWidth - GAP;
    if (width <= 0) return;
    this.columns = Math.max(3, Math.floor(width / (SIDE + GAP)));
    this.side = Math.floor(width / this.columns) - GAP;
    this.row = this.side + GAP;
    this.sheet.style.height = `${Math.ceil(this.ids.length / this.columns) * this.row + GAP}px`;
    const first = Math.max(0, Math.floor(this.node.scrollTop / this.row) - SPARE) * this.columns;
    const rows = Math.ceil(this.node.clientHeight / this.row) + 2 * SPARE;
    const last = Math.min(this.ids.length, first + rows * this.columns);
    const seen = new Set(this.ids.slice(first, last));
    for (const [id, tile] of this.tiles) if (!seen.has(id)) this.#drop(id, tile);
    for (let place = first; place < last; place += 1) this.#put(place);
    this.timer ??= setTimeout(() => this.#fetch(), CALM);
  }

  #put(place) {
    const id = this.ids[place];
    const tile = this.tiles.get(id) ?? this.#made(id);
    const [row, column] = [Math.floor(place / this.columns), place % this.columns];
    tile.style.transform = `translate(${GAP + column * this.row}px, ${GAP + row * this.row}px)`;
    tile.style.width = tile.style.height = `${this.side}px`;
    tile.dataset.place = place;
    tile.ariaSetSize = this.ids.length;
    tile.ariaPosInSet = place + 1;
    this.#mark(tile, id);
  }

  #made(id) {
    const image = make("img", { alt: "", draggable: false, decoding: "async" });
    const name = this.named(id);
    const tile = make("div.tile", { role: "option", draggable: true, title: name, ariaLabel: name }, image);
    image.onerror = () => image.hasAttribute("src") && tile.classList.add("broken");
    image.onload = () => tile.classList.remove("broken");
    this.tiles.set(id, tile);
    this.sheet.append(tile);
    return tile;
  }

  #mark(tile, id) {
    tile.ariaSelected = String(this.selected.has(id));
    tile.tabIndex = id === this.ids[this.at] ? 0 : -1;
  }

  #drop(id, tile) {
    tile.firstChild.removeAttribute("src"); // what was on its way need not come
    tile.remove();
    this.tiles.delete(id);
  }

  // Pictures are fetched a moment later: whoever flies past a thousand wants none of them.
  #fetch() {
    this.timer = null;
    for (const [id, tile] of this.tiles) {
      const image = tile.firstChild;
      if (!image.hasAttribute("src")) image.src = small(id);
    }
  }

  #place(event) {
    const tile = event.target.closest(".tile");
    return tile ? Number(tile.dataset.place) : null;
  }

  #click(event) {
    const place = this.#place(event);
    if (place === null) return;
    this.#go(place);
    if (event.shiftKey) this.#range(place);
    else this.#toggle(place);
  }

  #open(place) {
    if (place !== null) this.opened(this.ids[place]);
  }

  #toggle(place) {
    const id = this.ids[place];
    const selected = new Set(this.selected);
    if (!selected.delete(id)) selected.add(id);
    this.anchor = place;
    this.select(selected);
  }

  #range(place) {
    const [from, to] = [Math.min(this.anchor, place), Math.max(this.anchor, place)];
    this.select([...this.selected, ...this.ids.slice(from, to + 1)]);
  }

  #go(place) {
    this.at = Math.max(0, Math.min(this.ids.length - 1, place));
    const top = Math.floor(this.at / this.columns) * this.row;
    const { scrollTop, clientHeight } = this.node;
    if (top < scrollTop) this.node.scrollTop = top;
    else if (top + this.row > scrollTop + clientHeight) this.node.scrollTop = top + this.row + GAP - clientHeight;
    this.#draw();
    this.tiles.get(this.ids[this.at])?.focus({ preventScroll: true });
  }

  #key(event) {
    const page = this.columns * Math.max(1, Math.floor(this.node.clientHeight / this.row));
    const steps = {
      ArrowRight: 1, ArrowLeft: -1, ArrowDown: this.columns, ArrowUp: -this.columns,
      PageDown: page, PageUp: -page, Home: -this.ids.length, End: this.ids.length,
    };
    if (event.key in steps) {
      this.#go(this.at + steps[event.key]);
      if (event.shiftKey) this.#range(this.at);
    } else if (event.key === " ") this.#toggle(this.at);
    else if (event.key === "Enter") this.#open(this.at);
    else if (event.key === "a" && (event.ctrlKey || event.metaKey)) this.select(this.ids);
    else if (event.key === "Escape") this.select([]);
    else return;
    event.preventDefault();
  }

  #drag(event) {
    const place = this.#place(event);
    if (place === null) return;
    const id = this.ids[place];
    if (!this.selected.has(id)) this.select([id]);
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("application/x-florascope", "photos");
  }
}
