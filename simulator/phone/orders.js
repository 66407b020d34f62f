// 我的订单: what was bought and how it stands; to pay what waits, to take it back, to give it back.

import { el } from "/phone/dom.js";
import { cost, countdown, moment } from "/phone/amounts.js";
import { askForMoney, askForRefund } from "/phone/paying.js";

const STATES = { waiting: "待付款", paid: "已付款", expired: "超时已取消", cancelled: "已取消", returning: "退款中", refunded: "已退款" };
const REFUNDS = { waiting: "正在退款", sent: "正在退款", done: "已退款", stuck: "等客服处理", failed: "等客服处理", replaced: "已重新退款" };

export function ordersPage(shown, touch, back) {
  const orders = shown.orders;
  const again = () => touch("orders");
  return [
    el("button", { className: "back", testid: "page-back", onclick: back }, "‹ 我的"),
    ...(orders === null ? [nothing("正在看您的订单……")] : orders.length ? orders.map((one) => orderPanel(one, shown, touch, again)) : [nothing("还没有订单，去“领券”里看看。")]),
  ];
}

function orderPanel(one, shown, touch, again) {
  const isWaiting = one.state === "waiting" && Date.parse(one.expires_at) > shown.now * 1000;
  const hasMore = one.state === "paid" && one.refunded_fen < one.amount_fen;
  const made = el("article", { className: "panel", testid: "order" },
    el("h3", {}, one.title, one.quantity > 1 ? ` ×${one.quantity}` : null),
    row("状态", one.state === "waiting" && !isWaiting ? STATES.expired : STATES[one.state] ?? one.state, "order-state"),
    row("合计", cost(one.amount_fen, one.points), "order-cost"),
    row("下单时间", moment(one.ordered_at)),
    one.recharge_tail ? row("充值号码", `尾号 ${one.recharge_tail}`) : null,
    one.refunds.map(({ amount_fen: fen, state }) => row(REFUNDS[state] ?? state, cost(fen), "order-refund")),
    isWaiting ? el("p", { className: "until" }, "剩余付款时间 ", countdown(one.expires_at, shown.now, { over: "已超时" })) : null,
    el("div", { className: "buttons" },
      isWaiting ? el("button", { className: "green", testid: "order-pay", onclick: () => askForMoney(one, touch, again) }, "去付款") : null,
      isWaiting ? el("button", { className: "outline", testid: "order-cancel", onclick: async () => { await touch("cancel_order", { order: one.id }); await again(); } }, "取消订单") : null,
      hasMore ? el("button", { className: "outline", testid: "order-refund-ask", onclick: () => askForRefund(one.id, touch, again) }, "申请退款") : null));
  made.dataset.state = one.state;
  return made;
}

const row = (label, value, testid) => el("div", { className: "row" }, el("span", {}, label), el("span", { testid }, value));
const nothing = (words) => el("p", { className: "nothing" }, words);
