// 抽奖: what can be drawn; a wheel, a card to scratch, eggs to smash; odds, own chances, results, and where to check them.

import { $, el } from "/phone/dom.js";
import { keptAs, lastDay, moment } from "/phone/amounts.js";
import { fairnessPage } from "/phone/fairness.js";
import { prizesPanel } from "/phone/prizes.js";

const REASONS = { "draw.not_open": "还没有开始", "draw.closed": "已经结束", "draw.paused": "暂停中", "draw.not_for_you": "不在参与范围内" };
const PARCELS = { waiting: "等您填写收货地址", addressed: "等待寄出", sent: "已寄出", lapsed: "逾期未填地址，已退回" };
const PRIZES = { waiting: "等您填写", taken: "已领取", lapsed: "逾期未领，已退回" };
const SLICES = ["#07c160", "#f6a623", "#2c7be5", "#e5604d", "#8b5cf6", "#0e8fa5", "#c2417c", "#6b7280"];
const TOYS = { wheel, scratch, egg };

export function drawsPage(shown, touch) {
  const { listed, opened, fairness } = shown.draws;
  if (opened && fairness) return fairnessPage(shown.draws, touch);
  if (opened) return drawPage(shown, touch);
  if (listed === null) return [nothing("正在看有什么可抽……")];
  const waiting = prizesPanel(shown, touch);
  if (!listed.length) return [...waiting, nothing("现在没有抽奖活动，过些时候再来看看。")];
  return [...waiting, ...listed.map((one) => el("button", { className: "held", testid: "draw", onclick: () => turnTo(touch, "draw", { draw: one.id }) },
    el("span", { className: "about" }, el("b", {}, one.title), el("small", {}, `${moment(one.opens_at)} 至 ${moment(one.closes_at)}`)),
    one.reason ? el("span", { className: "chip" }, REASONS[one.reason] ?? "现在不能抽") : null, el("span", { className: "more" }, "›")))];
}

async function turnTo(touch, name, fields) {
  await touch(name, fields);
  $("mini").scrollTop = 0;
}

function drawPage(shown, touch) {
  const { opened: one, spun, results, winners } = shown.draws;
  const last = spun?.draw_id === one.summary.id ? spun : null;
  return [
    el("button", { className: "back", testid: "draw-close", onclick: () => touch("draws") }, "‹ 抽奖"),
    el("div", { className: "panel draw", testid: "draw-page" },
      el("h3", {}, one.summary.title),
      (TOYS[one.summary.look] ?? wheel)(one, last?.spins.at(-1)),
      last ? el("p", { className: "outcome", testid: "draw-result" }, told(last.spins)) : null,
      el("p", { testid: "draw-turn" }, turn(one.turn)),
      one.summary.reason ? el("p", { className: "problem", testid: "draw-reason" }, REASONS[one.summary.reason] ?? "现在不能抽") : null,
      el("div", { className: "buttons" }, [1, 10].map((times) => spinButton(one, times, shown.isBusy, touch)))),
    ...prizesPanel(shown, touch),
    el("div", { className: "panel" }, el("h3", {}, "奖品和概率"), one.prizes.map(prizeRow),
      el("details", {}, el("summary", {}, "活动规则"), one.disclosure.sentences.map((said) => el("p", { className: "fine" }, said)))),
    el("div", { className: "panel" }, el("h3", {}, "我的结果"), (results ?? []).map((spin) => resultRow(spin, touch)),
      results?.length ? null : el("p", { className: "fine" }, "还没有抽过")),
    el("div", { className: "panel" }, el("h3", {}, "最近中奖"), (winners ?? []).slice(0, 8).map((who) => row(who.member, who.name, "winner")),
      el("button", { className: "outline", testid: "draw-fairness", onclick: () => turnTo(touch, "fairness", { draw: one.summary.id }) }, "公平性：承诺、公布和核对")),
  ];
}

function spinButton(one, times, isBusy, touch) {
  const { free_left: free, chances, points_price: price } = one.turn;
  const points = Math.max(times - free - chances, 0) * (price ?? 0);
  const canPay = price !== null || free + chances >= times;
  const onclick = () => {
    if (points && !window.confirm(`抽${times}次需要${points}积分，确认吗？`)) return null;
    return touch("spin", { draw: one.summary.id, times, ...(points ? { points } : {}) });
  };
  return el("button", { className: times === 1 ? "green" : "outline", testid: `spin-${times}`, disabled: isBusy || Boolean(one.summary.reason) || !canPay, onclick },
    `${times === 1 ? "抽一次" : "连抽十次"}${points ? `（${points}积分）` : ""}`);
}

function turn({ free_left: free, chances, points_price: price, guaranteed_in: due }) {
  const has = [free ? `免费 ${free} 次` : null, chances ? `抽奖次数 ${chances} 个` : null, price !== null ? `每次 ${price} 积分` : null];
  const sure = due === null ? "" : `；最多再抽 ${due} 次必得保底奖品`;
  return (has.filter(Boolean).join(" · ") || "次数已用完") + sure;
}

function told(spins) {
  const counts = new Map();
  for (const { name } of spins) counts.set(name, (counts.get(name) ?? 0) + 1);
  if (spins.length > 1) return [...counts].map(([name, count]) => `${name} ${count} 次`).join("，");
  return spins[0].kind === "thanks" ? "这次没有抽中，谢谢参与" : `抽中 ${spins[0].name}`;
}

const odds = (ppm) => `${Number((ppm / 10000).toFixed(4))}%`;
const prizeRow = (prize) => row(`${prize.name}${prize.left === null ? "" : `（剩 ${prize.left} 份）`}`, odds(prize.ppm), "prize");

function resultRow(spin, touch) {
  const replaced = { out: "，原奖品已发完", capped: "，原奖品已到上限" }[spin.why] ?? "";
  const state = spin.parcel_state ? `，${PARCELS[spin.parcel_state] ?? spin.parcel_state}`
    : spin.prize_state ? `，${PRIZES[spin.prize_state] ?? spin.prize_state}` : "";
  const until = (spin.parcel_state ?? spin.prize_state) === "waiting" && spin.deadline_at ? `（${lastDay(spin.deadline_at)}前）` : "";
  const onclick = () => {
    const address = window.prompt("收货人、手机号和地址");
    return address ? touch("address", { parcel: spin.parcel_id, address }) : null;
  };
  const button = ["waiting", "addressed"].includes(spin.parcel_state)
    ? el("button", { className: "link", testid: "parcel-address", onclick }, spin.parcel_state === "waiting" ? "填地址" : "改地址") : null;
  return el("div", { className: "row", testid: "result" }, el("span", {}, `${spin.sequence} 号`), el("span", {}, spin.name, replaced, state, until, button));
}

// Every slice is as wide as the others; how likely it is stands in the table below.
function wheel(one, last) {
  const { prizes } = one, step = 360 / prizes.length;
  const disc = keptAs(`wheel ${one.summary.id} ${prizes.map(({ code }) => code)}`, () => {
    const made = el("div", { className: "wheel", testid: "wheel" }, prizes.map(({ name }, place) => {
      const label = el("span", {}, el("b", {}, [...name].slice(0, 6).join("")));
      label.style.transform = `rotate(${(place + 0.5) * step}deg)`;
      return label;
    }));
    const slices = prizes.map((_, place) => `${SLICES[place % SLICES.length]} ${place * step}deg ${(place + 1) * step}deg`);
    made.style.background = `conic-gradient(${slices.join(", ")})`;
    return made;
  });
  if (isNew(disc, last)) play(disc, [{ transform: "rotate(0deg)" }, { transform: `rotate(${1800 - (last.place + 0.5) * step}deg)` }], 2200);
  return el("div", { className: "stage" }, el("i", { className: "pointer" }), disc);
}

function scratch(one, last) {
  const card = keptAs(`card ${one.summary.id}`, () => el("div", { className: "card", testid: "scratch" }, el("b", {}), el("i", {})));
  if (isNew(card, last)) {
    card.firstChild.textContent = last.name;
    play(card.lastChild, [{ clipPath: "inset(0 0 0 0)" }, { clipPath: "inset(0 0 0 100%)" }], 1200);
  }
  return el("div", { className: "stage" }, card);
}

function egg(one, last) {
  const eggs = keptAs(`eggs ${one.summary.id}`, () => el("div", { className: "eggs", testid: "eggs" }, ["🥚", "🥚", "🥚"].map((shell) => el("b", {}, shell))));
  if (isNew(eggs, last)) {
    [...eggs.children].forEach((one, place) => { one.textContent = place === last.sequence % 3 ? "🐣" : "🥚"; });
    play(eggs.children[last.sequence % 3], [{ transform: "rotate(-12deg)" }, { transform: "rotate(12deg) scale(1.2)" }, { transform: "none" }], 600);
  }
  return el("div", { className: "stage" }, eggs);
}

// Pages are drawn anew all the time: an element that is kept moves on, and once for each result.
function isNew(element, last) {
  if (!last || element.dataset.sequence === String(last.sequence)) return false;
  element.dataset.sequence = last.sequence;
  return true;
}

const play = (element, frames, duration) => element.animate(frames, { duration: window.matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : duration, easing: "cubic-bezier(.2, .7, .1, 1)", fill: "forwards" });
const row = (label, value, testid) => el("div", { className: "row", testid }, el("span", {}, label), el("span", {}, value));
const nothing = (words) => el("p", { className: "nothing" }, words);
