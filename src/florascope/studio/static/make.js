// Short ways to make the page's elements.

// make("button.button.primary", {onclick}, "text", child): classes after dots, properties, children.
export function make(kind, properties = {}, ...children) {
  const [tag, ...classes] = kind.split(".");
  const node = document.createElement(tag);
  node.classList.add(...classes);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("data-") || name === "for" || name === "list") node.setAttribute(name, value);
    else node[name] = value;
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

export const button = (text, onclick, kind = "button.button") =>
  make(kind, { type: "button", textContent: text, onclick });

// A photo that says so where it cannot be shown.
export function picture(src, alt) {
  const image = make("img", { src, alt, loading: "lazy", decoding: "async" });
  image.onerror = () => image.parentElement?.classList.add("broken");
  return image;
}
