// What was won and waits for a word: the number that is charged, or what of a package is chosen.

import { forget, keptAs, lastDay } from "/phone/amounts.js";
import { state } from "/phone/control.js";
import { el } from "/phone/dom.js";

export function prizesPanel({ draws, isBusy }, touch) {
  const waiting = (draws.prizes ?? []).filter((prize) => prize.state === "waiting");
  if (!waiting.length) return [];
  return [el("div", { className: "panel", testid: "prizes" }, el("h3", {}, "等您填写的奖品"), waiting.map((prize) => waits(prize, isBusy, touch)))];
}

function waits(prize, isBusy, touch) {
  const until = el("small", {}, `${lastDay(prize.deadline_at)}前填写，逾期退回`);
  const about = el("span", { className: "about" }, el("b", {}, prize.name), until);
  const asked = prize.asks === "choices" ? choosing(prize, touch) : el("span", {}, button("领取", () => charge(prize, touch)));
  asked.lastChild.disabled = isBusy;
  return el("div", { className: "row", testid: "due-prize" }, about, asked);
}

function charge(prize, touch) {
  if (prize.asks === null) return touch("take_prize", { prize: prize.id });
  const number = window.prompt("充值到哪个手机号？", state.details?.phone ?? "");
  return number ? touch("take_prize", { prize: prize.id, recharge_to: number }) : null;
}

// Kept while the page is drawn anew, so that what was ticked stays so.
function choosing(prize, touch) {
  return keptAs(`prize ${prize.id}`, () => {
    const boxes = prize.options.map(({ code, name }) => {
      const box = el("input", { type: "checkbox", value: code, testid: `option-${code}` });
      return [box, el("label", {}, box, ` ${name} `)];
    });
    const chosen = () => boxes.map(([box]) => box).filter(({ checked }) => checked).map(({ value }) => value);
    const take = button(`选${prize.choose}项领取`, async () => {
      const call = await touch("take_prize", { prize: prize.id, choices: chosen() });
      if (call?.status === 201) forget(`prize ${prize.id}`);
    });
    return el("span", {}, boxes.map(([, label]) => label), take);
  });
}

const button = (words, onclick) => el("button", { className: "link", testid: "take-prize", onclick }, words);
