// 签到: a month of days, the streak, the make-up cards, and what comes next.

import { el } from "/phone/dom.js";

const WEEKDAYS = ["一", "二", "三", "四", "五", "六", "日"];
const PARTS = { daily: "每日签到", streak: "连续", month: "本月累计" };

export function checkInPage(shown, touch) {
  const month = shown.calendar;
  if (!month) return [el("p", { className: "nothing" }, "正在打开签到……")];
  const today = el("button", { className: "green", testid: "check-in", disabled: month.is_done_today || !month.is_open, onclick: () => touch("check_in") },
    month.is_done_today ? "今天已签到" : month.is_open ? "签到" : "现在没有签到活动");
  return [
    el("div", { className: "panel", testid: "check-ins" },
      el("h3", {}, month.first.slice(0, 7).replace("-", "年"), "月"),
      el("p", { testid: "streak" }, `已连续 ${month.streak} 天，本月 ${month.in_month} 天，补签卡 ${month.card_count} 张`),
      grid(month, touch),
      today,
      month.next_steps.slice(0, 3).map((step) => el("p", { className: "fine", testid: "next-step" }, `再签 ${step.left} 天：${PARTS[step.part]} ${step.days} 天，${step.rewards.map(worth).join("、")}`))),
  ];
}

function grid(month, touch) {
  const days = new Map(month.days.map((day) => [day.on, day]));
  const [year, number] = month.first.split("-").map(Number);
  // Plain calendar arithmetic: the server says which day it is, wherever this page is looked at.
  const before = (new Date(Date.UTC(year, number - 1, 1)).getUTCDay() + 6) % 7;
  const count = new Date(Date.UTC(year, number, 0)).getUTCDate();
  const cells = Array.from({ length: count }, (_, place) => cell(`${month.first.slice(0, 8)}${String(place + 1).padStart(2, "0")}`, days, month, touch));
  return el("div", { className: "calendar" },
    WEEKDAYS.map((name) => el("small", {}, name)),
    Array.from({ length: before }, () => el("span", {})),
    cells);
}

function cell(on, days, month, touch) {
  const day = days.get(on);
  const number = String(Number(on.slice(8)));
  const canMend = month.card_count > 0 && month.mendable.includes(on);
  const className = ["day", day ? "done" : "", day?.is_made_up ? "mended" : "", on === month.today ? "today" : ""].join(" ");
  const title = day ? day.rewards.map((one) => `${named(one.part)} ${worth(one)}`).join("\n") : "";
  const made = canMend
    ? el("button", { className: `${className} gap`, testid: "mend", title: "补签", onclick: () => touch("make_up", { day: on }) }, number)
    : el("span", { className, testid: day ? "day-done" : "day", title }, number);
  made.dataset.on = on;
  return made;
}

const named = (part) => { const [kind, days] = part.split(":"); return days ? `${PARTS[kind]} ${days} 天` : PARTS[kind] ?? kind; };
const worth = ({ kind, amount }) => ({ points: `${amount} 积分`, makeup_card: `补签卡 ${amount} 张`, growth: `成长值 ${amount}`, chances: `抽奖 ${amount} 次` })[kind] ?? `权益 ${amount} 份`;
