// Money on a sheet: what wx.requestPayment asks for, and what would come back of an order before anybody says yes to it.

import { $, el } from "/phone/dom.js";
import { amount, cost, lastDay } from "/phone/amounts.js";
import { ask, state } from "/phone/control.js";
import { showSheet } from "/phone/sheet.js";

const WHY_NOT = {
  "order.refunded": "已经退过",
  "order.closed": "已不能退款",
  "claim.pending": "正在发放",
  "claim.used": "已经使用",
  "claim.code_given": "券码已给您",
  "claim.over": "已失效",
  "claim.regranted": "已补发一份",
  "claim.offline_open": "可能已在门店离线使用，早上6点后再看",
  "membership.newer_first": "请先退后来的升级或续费",
  "membership.over": "已经到期",
};

// `after` shows the page as it then is; who just closes the sheet finds the order on their page of orders.
export function askForMoney(order, touch, after) {
  const choose = (gesture) => async () => { $("sheet").close(); await touch(gesture, { order: order.id }); await after(); };
  showSheet("微信支付",
    el("p", { className: "typed", testid: "pay-amount" }, cost(order.amount_fen, order.points)),
    el("p", { className: "fine" }, `${order.title}，15分钟内付款有效`),
    el("div", { className: "actions" },
      el("button", { className: "outline", testid: "pay-cancel", onclick: choose("cancel_order") }, "取消订单"),
      el("button", { className: "green", testid: "pay-confirm", onclick: choose("pay") }, "确认支付")));
}

// The phone shows the SMS as it came; whoever reads it types the code.
export async function askForCode({ order, confirmation }, touch, after) {
  const code = el("input", { testid: "bill-code", inputMode: "numeric", maxLength: 8, placeholder: "短信验证码", "aria-label": "短信验证码" });
  const seen = await ask("GET", `/people/${state.person}`);  // the SMS came with the answer: the page may not know it yet
  const sms = el("p", { className: "fine", testid: "bill-sms" }, seen?.messages.at(-1) ?? "短信还没有收到");
  const confirm = async () => {
    const call = await touch("confirm_bill", { order: order.id, code: code.value.trim() });
    if (call?.status !== 200) return;
    $("sheet").close();
    await after();
  };
  const leave = async () => { $("sheet").close(); await touch("cancel_order", { order: order.id }); await after(); };
  showSheet("话费支付",
    el("p", { className: "typed", testid: "bill-amount" }, cost(order.amount_fen, order.points)),
    el("p", { className: "fine" }, `${order.title}，记入尾号${confirmation?.tail ?? ""}的话费账单`),
    sms, code,
    el("div", { className: "actions" },
      el("button", { className: "outline", testid: "bill-cancel", onclick: leave }, "取消订单"),
      el("button", { className: "green", testid: "bill-confirm", onclick: confirm }, "确认支付")));
}

export async function askForRefund(order, touch, after) {
  const call = await touch("refund_quote", { order });
  if (call?.status !== 200) return;
  const { amount_fen: fen, points, lines, term } = call.answer;
  const goBack = async () => { $("sheet").close(); await touch("refund", { order, amount_fen: fen }); await after(); };
  showSheet("申请退款",
    el("p", { className: "typed", testid: "refund-amount" }, fen ? `退 ${cost(fen, points)}` : "没有可以退的"),
    el("div", {}, lines.map(lineRow), term ? termRows(term) : null),
    el("p", { className: "fine" }, fen ? "钱原路退回，积分回到账户；退的券和会员随即失效。" : "如有疑问，请联系客服。"),
    el("div", { className: "actions" },
      el("button", { className: "outline", testid: "refund-leave", onclick: () => $("sheet").close() }, "不退了"),
      fen ? el("button", { className: "green", testid: "refund-go", onclick: goBack }, "确认退款") : null));
}

const lineRow = ({ name, amount_fen: fen, points, reason }) => row(name, reason ? `不退：${WHY_NOT[reason] ?? "不能退"}` : `退 ${cost(fen, points)}`);

function termRows({ unused_fen: unused, used_fen: used, rights, cut_at: cut, reason }) {
  if (reason) return row("会员", `不退：${WHY_NOT[reason] ?? "不能退"}`);
  return [
    row("剩余天数折算", amount(unused)),
    used ? row("已用的权益", `扣 ${amount(used)}`) : null,
    rights.map(({ name, value_fen: value, is_used: isUsed }) => row(name, isUsed ? `已用，${amount(value)}` : "没用，收回")),
    row("会员到期改为", lastDay(cut)),
  ];
}

const row = (label, value) => el("div", { className: "row", testid: "refund-line" }, el("span", {}, label), el("span", {}, value));
