// 推广: how one stands, the code to pass on, who came of it (counts), what it brought, and taking that out to WeChat.

import { $, el } from "/phone/dom.js";
import { amount, keptAs, moment } from "/phone/amounts.js";
import { showSheet } from "/phone/sheet.js";

const STANDS = { waiting: "等待审核", active: "推广中", refused: "没有通过", stopped: "已停止" };
const EARNED = { pending: "待结算", frozen: "冻结中", available: "可提现", void: "已取消", back: "已扣回" };
const MOVES = { review: "等待审核", waiting: "正在提交", sent: "正在提交", confirm: "等您确认收款", moving: "转账中", arrived: "已到零钱", returned: "已退回余额", refused: "没有通过，已退回余额" };
const CAN_BE_LEFT = ["review", "waiting", "confirm"];

export function promotingPage(shown, touch, back) {
  const { seen, link, commissions, balance, withdrawals } = shown.promoting;
  return [
    el("button", { className: "back", testid: "page-back", onclick: back }, "‹ 我的"),
    seen ? standing(seen, touch) : el("p", { className: "nothing" }, "正在打开推广……"),
    ...(seen?.state === "active" ? [linkPanel(link, touch)] : []),
    ...(commissions && seen?.state ? [earnings(commissions)] : []),
    ...(balance ? [money(balance, withdrawals ?? [], touch)] : []),
  ];
}

function standing(seen, touch) {
  const canApply = seen.is_open && ["refused", null].includes(seen.state);
  const terms = `好友从您的推广码进来，${seen.window_days}天内购买，您得佣金；付款满${seen.hold_days}天且用完满${seen.freeze_days}天可提现。申请不收费。`;
  return el("div", { className: "panel", testid: "promoting" },
    el("h3", {}, "推广"),
    row("状态", seen.state ? STANDS[seen.state] ?? seen.state : seen.is_open ? "还没有申请" : "现在不开放申请", "promoter-state"),
    seen.reason ? row("原因", seen.reason) : null,
    seen.state ? row("成绩", `带来 ${seen.came_count} 人，成交 ${seen.sale_count} 笔`, "promoter-counts") : null,
    seen.is_open ? el("p", { className: "fine" }, terms) : null,
    canApply ? el("button", { className: "green", testid: "promoter-apply", onclick: () => touch("apply") }, "申请推广") : null,
    el("button", { className: "outline", testid: "promoting-refresh", onclick: () => touch("promoting") }, "刷新"));
}

function linkPanel(link, touch) {
  const make = el("button", { className: "green", testid: "link-make", onclick: () => touch("make_link") }, link ? "刷新推广码" : "生成推广码");
  if (!link) return el("div", { className: "panel" }, el("h3", {}, "推广码"), make);
  // As a picture: nothing that a server sends is ever read as part of the page.
  const picture = (name, src, alt) => keptAs(`${name} ${src}`, () => el("img", { className: "code", testid: name, src, alt }));
  const local = link.qr_image_url ? new URL(link.qr_image_url) : null;  // shown by this platform, whatever it is called outside
  return el("div", { className: "panel" },
    el("h3", {}, "推广码"),
    link.picture ? [picture("link-picture", `data:image/png;base64,${link.picture}`, "小程序码"), el("p", { className: "fine" }, "小程序码")] : null,
    local ? [picture("link-qr", `${local.pathname}${local.search}`, "公众号二维码"), el("p", { className: "fine" }, "公众号二维码，换个人在“扫一扫”里扫它。")] : null,
    row("场景值", link.code, "link-code"),
    link.url ? row("链接", link.url, "link-url") : null,
    make);
}

function earnings(one) {
  const rows = [["pending", "待结算"], ["frozen", "冻结中"], ["available", "可提现"], ["held", "提现中"], ["owed", "待扣回"]];
  return el("div", { className: "panel" },
    el("h3", {}, "佣金"),
    rows.filter(([name]) => one[`${name}_fen`] || !["held", "owed"].includes(name)).map(([name, words]) => row(words, amount(one[`${name}_fen`]), `commission-${name}`)),
    one.items.map((each) => row(`尾号 ${each.number}，${EARNED[each.state] ?? each.state}`, amount(each.amount_fen), "commission")),
    one.items.length ? null : el("p", { className: "fine" }, "还没有佣金"));
}

function money(balance, withdrawals, touch) {
  const { under_way: underWay, available_fen: available } = balance;
  const limits = `单笔 ${amount(balance.least_fen)} 到 ${amount(balance.most_fen)}`;
  return el("div", { className: "panel" },
    el("h3", {}, "提现"),
    row("余额", amount(available), "balance"),
    balance.held_fen ? row("提现中", amount(balance.held_fen), "balance-held") : null,
    el("p", { className: "fine" }, balance.is_open ? `提到微信零钱，${limits}` : "现在不能提现"),
    underWay ? null : el("button", { className: "green", testid: "take-out", disabled: !balance.is_open || available < balance.least_fen, onclick: () => takeOut(balance, touch) }, "提现"),
    withdrawals.map((each) => row(moment(each.asked_at), `${amount(each.amount_fen)}，${MOVES[each.state] ?? each.state}`, "withdrawal")),
    underWay ? el("div", { className: "buttons" },
      underWay.state === "confirm" ? el("button", { className: "green", testid: "withdrawal-open", onclick: () => askToTake(underWay, touch) }, "确认收款") : null,
      CAN_BE_LEFT.includes(underWay.state) ? el("button", { className: "outline", testid: "withdrawal-leave", onclick: () => touch("give_up", { withdrawal: underWay.id }) }, "不提了") : null) : null);
}

function takeOut({ available_fen: available, most_fen: most, name_from_fen: nameFrom }, touch) {
  const yuan = window.prompt("提现多少元？", String(Math.min(available, most) / 100));
  if (!yuan) return null;
  const fen = Math.round(Number(yuan) * 100);
  const name = fen >= nameFrom ? window.prompt("收款人的真实姓名") ?? "" : "";
  return touch("take_out", { amount_fen: fen, name });
}

async function askToTake({ id, amount_fen: fen }, touch) {
  const call = await touch("withdrawal", { withdrawal: id });
  if (!call?.answer?.confirmation) return;
  const choose = (gesture) => () => { $("sheet").close(); return touch(gesture, { withdrawal: id }); };
  showSheet("确认收款",
    el("p", { className: "typed", testid: "take-amount" }, amount(fen)),
    el("p", { className: "fine" }, "收到微信零钱，24小时内有效"),
    el("div", { className: "actions" },
      el("button", { className: "outline", testid: "take-refuse", onclick: choose("refuse_money") }, "拒绝"),
      el("button", { className: "green", testid: "take-go", onclick: choose("take_money") }, "确认收款")));
}

const row = (label, value, testid) => el("div", { className: "row" }, el("span", {}, label), el("span", { testid }, value));
