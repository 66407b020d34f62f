// Money, dates and countdowns as people read them; elements that stay the same while the page is drawn anew.

import { el } from "/phone/dom.js";

export const amount = (fen) => `¥${(fen / 100).toFixed(2).replace(/\.00$/, "")}`;
// What something costs, or what comes back: money, points, or both.
export const cost = (fen, points = 0) => [fen ? amount(fen) : null, points ? `${points} 积分` : null].filter(Boolean).join(" + ");
export const moment = (instant) => new Date(instant).toLocaleString("zh-CN", { hour12: false });
// An end is the first instant at which it is over; its last day is one of the shop's, wherever this page is looked at.
export const lastDay = (end) => new Date(Date.parse(end) - 1).toLocaleDateString("zh-CN", { timeZone: "Asia/Shanghai" });

// The platform's clock may have been moved: what counts is how long it is until then, not what this machine says.
export function countdown(until, now, { over = "已到", testid } = {}) {
  const made = el("span", { className: "countdown", testid });
  made.dataset.ends = Date.now() + (Date.parse(until) - now * 1000);
  made.dataset.over = over;
  tick(made);
  return made;
}

function tick(one) {
  const left = Math.ceil((Number(one.dataset.ends) - Date.now()) / 1000);
  const [hours, minutes, seconds] = [left / 3600, (left % 3600) / 60, left % 60].map((part) => String(Math.floor(part)).padStart(2, "0"));
  const shown = left >= 172800 ? `${Math.floor(left / 86400)} 天` : `${hours}:${minutes}:${seconds}`;
  const words = left <= 0 ? one.dataset.over : left <= 60 ? `${left} 秒` : shown;
  if (one.textContent !== words) one.textContent = words;
  one.classList.toggle("over", left <= 0);
}

setInterval(() => document.querySelectorAll(".countdown").forEach(tick), 250);

const kept = new Map();

export function keptAs(name, make) {
  if (!kept.has(name)) kept.set(name, make());
  return kept.get(name);
}

export function forget(prefix) {
  for (const name of kept.keys()) if (name.startsWith(prefix)) kept.delete(name);
}
