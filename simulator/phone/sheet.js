// A sheet that comes up over the page.

import { $, el } from "/phone/dom.js";

export function showSheet(title, ...children) {
  const close = el("button", { className: "close", type: "button", testid: "sheet-close", "aria-label": "关闭", onclick: () => $("sheet").close() }, "×");
  $("sheet").replaceChildren(el("header", {}, el("h2", {}, title), close), ...children.flat());
  $("sheet").showModal();
  return $("sheet");
}
