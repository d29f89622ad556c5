// Short ways to the page's elements.

export const $ = (id) => document.getElementById(id);

export function element(tag, ...children) {
  const node = document.createElement(tag);
  node.append(...children.filter((child) => child !== null));
  return node;
}

export function filled(sentence, values) {
  return sentence.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

// Let a person keep a file.
export function save(blob, name) {
  const link = Object.assign(element("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // once it has surely begun
}
