// Building elements. Text always goes in as text nodes: what our server says is never read as HTML.

export const $ = (id) => document.getElementById(id);

export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "testid") element.dataset.testid = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && name !== "list") element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return element;
}

const COLOURS = ["#2c7be5", "#07a35a", "#d9822b", "#8b5cf6", "#c2417c", "#0e8fa5", "#6b7280"];

export function paintAvatar(element, name, letter = [...name][0]) {
  const sum = [...name].reduce((total, letter) => total + letter.codePointAt(0), 0);
  element.textContent = letter ?? "";
  element.style.background = COLOURS[sum % COLOURS.length];
  return element;
}

export const avatar = (name, letter) => paintAvatar(el("span", { className: "avatar" }), name, letter);
// Family names repeat; the last character tells people apart.
export const ownLetter = (name) => [...name].at(-1);

export function clockTime(seconds, withSeconds = false) {
  const options = { hour: "2-digit", minute: "2-digit", hour12: false };
  if (withSeconds) options.second = "2-digit";
  return new Date(seconds * 1000).toLocaleTimeString("zh-CN", options);
}

export const pretty = (value) => (typeof value === "string" ? value : JSON.stringify(value, null, 2));

export const section = (title, content) => [el("h4", {}, title), el("pre", {}, pretty(content) || "（空）")];

let hiding;

export function toast(words) {
  const box = $("toast");
  box.textContent = words;
  box.hidden = false;
  clearTimeout(hiding);
  hiding = setTimeout(() => { box.hidden = true; }, 2600);
}

export function hush() {
  clearTimeout(hiding);
  $("toast").hidden = true;
}

// Replaces a list without losing which of its <details> are open.
export function refill(container, elements) {
  const open = new Set([...container.querySelectorAll("details[open]")].map((one) => one.dataset.id));
  container.replaceChildren(...elements);
  for (const one of container.querySelectorAll("details")) one.open = open.has(one.dataset.id);
}
