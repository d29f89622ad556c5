// Answers to several photos as a file: a CSV for spreadsheets, or JSON (florascope/1).

import { save } from "./dom.js";

const COLUMNS = [
  ...["file", "level", "statement", "class_id", "name", "scientific_name", "probability", "cautions"],
  ...["lookalikes", "error"],
];

export function downloadTable(items, kind) {
  const text = kind === "csv" ? csv(items) : JSON.stringify(json(items), null, 2);
  const type = kind === "csv" ? "text/csv;charset=utf-8" : "application/json";
  save(new Blob([text], { type }), `florascope.${kind}`);
}

function json(items) {
  const plain = ({ crop, maps, similar, logits, ...rest }) => rest;
  const results = items.map(({ file, result, told }) =>
    result ? { ...plain(result), file: file.name } : { file: file.name, error: told ?? "", candidates: [] },
  );
  return { schema: "florascope/1", results };
}

// With a mark that tells spreadsheets that it is UTF-8.
function csv(items) {
  return `\uFEFF${[COLUMNS, ...items.map(row)].map((cells) => cells.map(cell).join(",")).join("\r\n")}\r\n`;
}

function row({ file, result, told }) {
  if (!result) return [file.name, ...Array(COLUMNS.length - 2).fill(""), told ?? ""];
  const { verdict, candidates, cautions, lookalikes } = result;
  const first = verdict.level === "none" ? {} : candidates[0]; // a refused photo has no candidates
  const named = [first.class_id, first.name, first.scientific_name, first.probability];
  const warned = verdict.level === "none" ? [[], []] : [cautions, lookalikes];
  return [file.name, verdict.level, verdict.statement, ...named, ...warned.map(harms), ""];
}

function harms(entries) {
  return entries.map(({ name, people, pets }) => `${name} (${people ?? ""}/${pets ?? ""})`).join("; ");
}

// A cell that begins like a formula is kept from being one.
function cell(value) {
  const text = String(value ?? "").replace(/^(?=[=+\-@\t\r])/, "'");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
