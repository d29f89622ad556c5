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
