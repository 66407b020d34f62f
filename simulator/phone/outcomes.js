// What a gesture came to: a line of the calls below the page, and what is said about it.

import { clockTime, el, section } from "/phone/dom.js";

export const isBad = ({ status }) => status < 200 || status > 299;
export const problem = ({ status, answer }) => (status === 0 ? `没有连上服务：${answer}` : answer?.title ?? `服务返回 ${status}`);

const PAID = { true: "支付成功，会员已生效", false: "支付成功，已放进卡包" };
const SAID = {
  claim: () => "领取成功，已放进卡包",
  pay: ({ order }) => (order?.state === "paid" ? PAID[Boolean(order.plan_id)] : null),
  confirm_bill: ({ order }) => (order?.state === "paid" ? PAID.false : "正在扣费，请稍后查看订单"),
  cancel_order: () => "订单已取消，没有扣款",
  refund: () => "已申请退款，到账以微信支付通知为准",
  try_plan: ({ days_left: days }) => `试用已开始，还有${days}天`,
  use_code: ({ name, days_left: days }) => `${name}已生效，还有${days}天`,
  apply: ({ state }) => (state === "active" ? "您已是推广员" : "申请已提交，请等审核"),
  take_out: ({ state }) => (state === "review" ? "提现已提交，请等审核" : "提现已提交，稍后请确认收款"),
  take_money: ({ withdrawal }) => (withdrawal.state === "arrived" ? "已到您的微信零钱" : "已确认，正在转账"),
  refuse_money: () => "没有收款，钱退回余额",
  give_up: () => "提现已取消，钱退回余额",
  check_in: ({ streak }) => `签到成功，已连续${streak}天`,
  make_up: ({ streak }) => `补签成功，已连续${streak}天`,
  address: () => "地址已保存，寄出前可以修改",
  take_prize: () => "已领取，已放进卡包",
  choose_city: ({ organization }) => (organization ? `已选${organization.name}` : "已不限城市"),
  reverse: () => "已撤销，退回了顾客的卡包",
};

// What the page says of a gesture that was done; null: nothing.
export function said(name, call) {
  if (!call || isBad(call)) return null;
  if (call.answer?.already_member) return "您已经是会员";
  return SAID[name]?.(call.answer) ?? call.answer?.consequence ?? null;
}

export function restCall(call) {
  const made = el("details", { testid: "mini-call" },
    el("summary", {},
      el("span", { className: `badge ${isBad(call) ? "bad" : "good"}` }, call.status || "无应答"),
      el("span", { className: "what" }, `${call.method} ${call.path}`),
      el("span", { className: "when" }, clockTime(call.at, true))),
    el("div", { className: "inside" }, call.body ? section("请求", call.body) : [], section("返回", call.answer ?? "")));
  made.dataset.id = `call-${call.number}`;
  return made;
}
