// 领券 and 卡包: what can be had and, if not, why; what is held; and one claim with its pass.

import { el } from "/phone/dom.js";
import { state } from "/phone/control.js";
import { amount, cost, countdown, keptAs, lastDay, moment } from "/phone/amounts.js";
import { askForCode, askForMoney } from "/phone/paying.js";

const PERIODS = { ever: "每人", day: "每天", week: "每周", month: "每月", year: "每年" };
const STATES = { pending: "发放中", issued: "未使用", partly_used: "使用中", used: "已使用", expired: "已过期", revoked: "已收回", transferred: "已转赠" };
const PROGRESS = { waiting: "等待充值", sent: "正在充值", accepted: "正在充值", done: "已到账", failed: "没有成功，名额已退回", replaced: "正在换供应商", cancelled: "已取消" };
const SECTIONS = [["held", "可使用"], ["expiring", "快到期"], ["used", "已使用"], ["expired", "已过期"]];
const AT_THE_COUNTER = ["voucher", "partner_coupon"];

export function offersPage(shown, touch) {
  if (shown.catalogue === null) return [waiting("正在看有什么可领……")];
  if (!shown.catalogue.length) return [waiting("现在没有可领的权益，过些时候再来看看。")];
  return shown.catalogue.map((offer) => offerCard(offer, shown, touch));
}

function offerCard(offer, shown, touch) {
  const opensLater = offer.opens_at && Date.parse(offer.opens_at) > shown.now * 1000;
  const closes = offer.is_flash_sale && offer.closes_at && !opensLater;
  const chips = [
    offer.is_flash_sale ? el("span", { className: "chip hot" }, "限时抢购") : null,
    offer.left === null ? null : el("span", { className: "chip", testid: "offer-left" }, `剩 ${offer.left} 份`),
    ...offer.limits.map(({ period, count }) => el("span", { className: "chip" }, `${PERIODS[period] ?? period}限 ${count} 份`)),
  ];
  const made = el("article", { className: `ticket ${offer.claimable ? "" : "dull"}`, testid: "offer" },
    el("div", { className: "worth" }, price(offer), offer.original_price_fen ? el("s", {}, amount(offer.original_price_fen)) : null),
    el("div", { className: "about" },
      el("h3", {}, offer.title),
      el("p", {}, [offer.merchant_name, offer.description].filter(Boolean).join(" · ")),
      el("div", { className: "chips" }, chips),
      opensLater ? el("p", { className: "until" }, "距开抢 ", countdown(offer.opens_at, shown.now)) : null,
      closes ? el("p", { className: "until" }, "距结束 ", countdown(offer.closes_at, shown.now)) : null,
      offer.claimable ? null : el("p", { className: "why", testid: "offer-reason" }, offer.sentence)),
    offer.price.carrier_fen ? el("button", { className: "outline", testid: "buy-on-bill", disabled: !offer.claimable, onclick: () => billIt(offer, touch) }, "话费支付") : null,
    offer.price.carrier_fen && !offer.price.fen ? null : offer.price.fen
      ? el("button", { className: "green", testid: "buy", disabled: !offer.claimable, onclick: () => buyIt(offer, touch) }, offer.claimable ? "购买" : "不可买")
      : el("button", { className: "green", testid: "claim", disabled: !offer.claimable, onclick: () => claimIt(offer, touch) }, offer.claimable ? "领取" : "不可领"));
  made.dataset.code = offer.code;
  return made;
}

function claimIt(offer, touch) {
  if (offer.kind !== "top_up") return touch("claim", { offer: offer.id });
  const number = window.prompt("充值到哪个手机号？", state.details?.phone ?? "");
  return number ? touch("claim", { offer: offer.id, recharge_to: number }) : null;
}

async function buyIt(offer, touch) {
  const call = await touch("buy", { offer: offer.id });
  if (call?.status === 201) askForMoney(call.answer.order, touch, () => touch("offers"));
}

async function billIt(offer, touch) {
  const call = await touch("buy_on_bill", { offer: offer.id });
  if (call?.status === 201 && call.answer.order) askForCode(call.answer, touch, () => touch("offers"));
}

const price = ({ price: { fen, carrier_fen: onBill, points } }) => el("b", { testid: "offer-price" }, cost(fen || onBill, points) || "免费");

let section = "held";

export function walletPage(shown, touch, again) {
  if (!shown.wallet) return [waiting("正在打开卡包……")];
  const choices = SECTIONS.map(([name, label]) =>
    el("button", { className: name === section ? "on" : "", testid: `wallet-${name}`, onclick: () => { section = name; again(); } }, `${label} ${shown.wallet[name]?.count ?? 0}`));
  const items = shown.wallet[section]?.items ?? [];
  return [
    el("nav", { className: "sections" }, choices),
    ...(items.length ? items.map((item) => walletItem(item, touch)) : [waiting("这里还没有权益")]),
  ];
}

function walletItem(item, touch) {
  const uses = item.uses_total > 1 ? `剩 ${item.uses_left}/${item.uses_total} 次` : STATES[item.state] ?? item.state;
  const onclick = async () => {
    await touch("look_at", { claim: item.id });
    if (canBeShown(item)) await touch("pass", { claim: item.id });
  };
  const made = el("button", { className: "held", testid: "wallet-item", onclick },
    el("span", { className: "about" },
      el("b", {}, item.name),
      el("small", {}, [item.merchant, item.is_paused ? "暂停使用" : null].filter(Boolean).join(" · ")),
      el("small", {}, item.expires_at ? `有效期至 ${lastDay(item.expires_at)}` : "长期有效")),
    el("span", { className: "chip" }, uses), el("span", { className: "more" }, "›"));
  made.dataset.state = item.state;
  return made;
}

const canBeShown = ({ kind, state }) => AT_THE_COUNTER.includes(kind) && ["issued", "partly_used"].includes(state);

export function claimPage(shown, touch, close) {
  const { claim, description, terms, third_party_code: code, parts, top_up: topUp } = shown.opened;
  return [
    el("button", { className: "back", testid: "claim-close", onclick: close }, "‹ 卡包"),
    el("div", { className: "panel coupon", testid: "claim-page" },
      el("h3", {}, claim.name),
      el("p", { className: "fine" }, [claim.merchant, description].filter(Boolean).join(" · ")),
      el("p", { testid: "claim-state" }, [STATES[claim.state] ?? claim.state, claim.uses_total > 1 ? `剩 ${claim.uses_left}/${claim.uses_total} 次` : null].filter(Boolean).join("，")),
      canBeShown(claim) ? passPart(shown, claim, touch) : null,
      code ? el("p", { className: "typed", testid: "third-party-code" }, code) : null,
      topUp ? row("充值号码", `尾号 ${topUp.recharge_tail}`) : null,
      topUp ? el("div", { className: "row" }, el("span", {}, "进度"), el("span", { testid: "top-up" }, PROGRESS[topUp.state] ?? topUp.state)) : null,
      terms.how_to_use ? el("p", { className: "fine" }, terms.how_to_use) : null,
      parts.map((part) => el("div", { className: "row" }, el("span", {}, part.name), el("span", {}, STATES[part.state] ?? part.state))),
      row("领取时间", moment(claim.claimed_at)),
      row("有效期至", claim.expires_at ? lastDay(claim.expires_at) : "长期"),
      el("button", { className: "outline", testid: "claim-refresh", onclick: () => touch("look_at", { claim: claim.id }) }, "刷新")),
  ];
}

function passPart(shown, claim, touch) {
  const anew = () => touch("pass", { claim: claim.id });
  const pass = shown.pass?.claim_id === claim.id ? shown.pass : null;
  if (!pass) return el("button", { className: "green", testid: "pass-show", onclick: anew }, "出示券码");
  // As a picture: nothing that a server sends is ever read as part of the page.
  const src = `data:image/svg+xml,${encodeURIComponent(pass.qr_svg)}`;
  const picture = keptAs(`pass ${pass.expires_at}`, () => el("img", { className: "code", testid: "pass", src, alt: "券码" }));
  return el("div", { className: "pass" }, picture,
    el("p", { className: "until" }, "请店员扫码，", countdown(pass.expires_at, shown.now, { over: "已失效，请换一个", testid: "pass-left" })),
    pass.code ? el("p", { className: "typed", testid: "typed-code" }, pass.code) : null,
    el("button", { className: "link", testid: "pass-again", onclick: anew }, "换一个"));
}

const row = (label, value) => el("div", { className: "row" }, el("span", {}, label), el("span", {}, value));
const waiting = (words) => el("p", { className: "nothing" }, words);
