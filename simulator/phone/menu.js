// The bottom menu of an official account, as it was published.

import { $, el, toast } from "/phone/dom.js";
import { accountNamed, gesture, state } from "/phone/control.js";
import { openByAppId } from "/phone/mini.js";

const SCANS = ["scancode_push", "scancode_waitmsg"];
let isTyping = false;

export function drawMenu(account) {
  const buttons = account.menu?.button ?? [];
  const shows = buttons.length > 0 && !isTyping;
  $("menu-bar").hidden = !shows;
  $("input-bar").hidden = shows;
  $("to-menu").hidden = buttons.length === 0;
  if (shows) $("extras").hidden = true;
  const wanted = JSON.stringify(buttons);
  if ($("menu-buttons").dataset.drawn === wanted) return;
  $("menu-buttons").dataset.drawn = wanted;
  $("menu-buttons").replaceChildren(...buttons.map(topButton));
}

function topButton(button) {
  const subs = button.sub_button ?? [];
  if (subs.length === 0) return el("div", { className: "top-button" }, plainButton(button));
  const popup = el("div", { className: "popup", hidden: true, testid: "menu-popup" }, subs.map(plainButton));
  const onclick = (event) => {
    event.stopPropagation();
    const wasHidden = popup.hidden;
    closePopups();
    popup.hidden = !wasHidden;
  };
  return el("div", { className: "top-button has-sub" }, el("button", { onclick, testid: "menu-top" }, button.name), popup);
}

function plainButton(button) {
  const onclick = () => { closePopups(); tap(button); };
  const made = el("button", { onclick, testid: "menu-button" }, button.name);
  made.dataset.key = button.key ?? button.pagepath ?? button.url ?? "";
  return made;
}

function tap(button) {
  const wanted = button.key ?? button.pagepath ?? button.url ?? button.name;
  const scanned = SCANS.includes(button.type) ? prompt("扫到的内容") ?? "" : "";
  gesture("tap", { wanted, scanned });
  if (button.type === "miniprogram") openByAppId(button.appid, button.pagepath ?? "");
  if (button.type === "view") toast(`打开网页 ${button.url}`);
}

function closePopups() {
  for (const popup of document.querySelectorAll(".popup")) popup.hidden = true;
}

export function startMenu() {
  const show = (typing) => () => {
    isTyping = typing;
    drawMenu(accountNamed(state.account));
    if (typing) $("chat-input").focus();
  };
  $("to-input").onclick = show(true);
  $("to-menu").onclick = show(false);
  document.addEventListener("click", closePopups);
}
