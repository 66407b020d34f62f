// 付费会员: what one has and until when, what is sold and what it brings, its trial, an activation code, and giving back.

import { el } from "/phone/dom.js";
import { amount, lastDay } from "/phone/amounts.js";
import { askForMoney, askForRefund } from "/phone/paying.js";

const CAUSES = { bought: "购买", upgraded: "升级", trial: "试用", code: "激活码" };
const WAYS = { extend: "购买", upgrade: "升级" };
const OFTEN = { once: "一次", month: "每月", birthday: "生日月" };

export function membershipPage(shown, touch, back) {
  const { mine, plans } = shown.membership;
  const again = () => touch("membership");
  return [
    el("button", { className: "back", testid: "page-back", onclick: back }, "‹ 我的"),
    ...(mine ? [minePanel(mine, touch, again)] : [nothing("正在打开付费会员……")]),
    ...(mine && plans ? plans.map((plan) => planTicket(plan, mine, touch, again)) : []),
    ...(mine && plans?.length === 0 ? [nothing("现在没有在售的付费会员")] : []),
  ];
}

function minePanel(mine, touch, again) {
  const useCode = () => { const code = window.prompt("激活码"); return code ? touch("use_code", { code }) : null; };
  return el("div", { className: "panel", testid: "membership" },
    el("h3", {}, mine.name || "还没有付费会员"),
    mine.ends_at ? row("有效期至", `${lastDay(mine.ends_at)}，还有 ${mine.days_left} 天`, "membership-until") : null,
    mine.terms.map((term) => termRow(term, touch, again)),
    el("button", { className: "outline", testid: "code-use", onclick: useCode }, "使用激活码"));
}

function termRow(term, touch, again) {
  const until = term.cut_at ? "已退" : `至 ${lastDay(term.ends_at)}`;
  const paid = term.paid_fen ? amount(term.paid_fen) : null;
  const refund = term.order_id && !term.cut_at
    ? el("button", { className: "link", testid: "term-refund", onclick: () => askForRefund(term.order_id, touch, again) }, "退款") : null;
  return el("div", { className: "row", testid: "term" }, el("span", {}, `${term.plan}，${CAUSES[term.cause] ?? term.cause}`), el("span", {}, [paid, until].filter(Boolean).join("，"), " ", refund));
}

function planTicket(plan, mine, touch, again) {
  const brings = plan.rights.map(({ name, period }) => el("span", { className: "chip" }, `${OFTEN[period] ?? period} ${name}`));
  const verb = plan.way === "extend" && mine.level ? "续费" : WAYS[plan.way] ?? "已有更高";
  const made = el("article", { className: `ticket ${plan.way ? "" : "dull"}`, testid: "plan" },
    el("div", { className: "worth" }, el("b", { testid: "plan-amount" }, amount(plan.amount_fen)), plan.amount_fen === plan.price_fen ? null : el("s", {}, amount(plan.price_fen))),
    el("div", { className: "about" },
      el("h3", {}, plan.name),
      el("p", {}, [`${plan.level_name}，${plan.day_count} 天`, plan.description].filter(Boolean).join(" · ")),
      el("div", { className: "chips" }, brings),
      plan.trial_days && !mine.level ? el("button", { className: "link", testid: "plan-try", onclick: () => touch("try_plan", { plan: plan.id }) }, `试用 ${plan.trial_days} 天，不收费`) : null),
    el("button", { className: "green", testid: "plan-buy", disabled: !plan.way, onclick: () => buyIt(plan, touch, again) }, verb));
  made.dataset.id = plan.id;
  return made;
}

async function buyIt(plan, touch, again) {
  const call = await touch("buy_plan", { plan: plan.id, amount_fen: plan.amount_fen });
  if (call?.status === 201) askForMoney(call.answer.order, touch, again);
}

const row = (label, value, testid) => el("div", { className: "row" }, el("span", {}, label), el("span", { testid }, value));
const nothing = (words) => el("p", { className: "nothing" }, words);
