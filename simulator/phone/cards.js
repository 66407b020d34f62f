// 我的卡: the cards of a member, binding one more, the member code, and taking consents back.

import { el } from "/phone/dom.js";

const STATES = { bound: "", unbound: "未绑定", lost: "已挂失", replaced: "已换卡" };
const PURPOSES = { membership: "会员协议", marketing: "活动和优惠消息", phone: "使用手机号", sharing: "向合作方提供资料", profiles: "从属档案" };
const PROOFS = [["phone", "微信手机号"], ["pin", "卡密码"], ["name", "姓名和上次消费的门店"]];
const drafts = new Map();  // what is being typed stays while the page is drawn anew

export function cardsPanel(shown, touch, problem) {
  const cards = (shown.cards ?? []).map((card) => {
    const made = el("div", { className: "row", testid: "card-row" }, el("span", {}, card.name), el("span", {}, `尾号 ${card.last4} ${STATES[card.status] ?? card.status}`));
    made.dataset.kind = card.kind;
    return made;
  });
  return el("div", { testid: "cards" },
    el("h4", {}, "我的卡"),
    cards.length ? cards : el("p", { className: "fine" }, "还没有卡"),
    memberCode(shown, touch),
    shown.ticket || (shown.kinds ?? []).length ? bindForm(shown, touch) : null,
    problem);
}

function memberCode(shown, touch) {
  const button = el("button", { className: "outline", testid: "show-code", onclick: () => touch("code") }, "会员码");
  if (!shown.code?.qr_svg) return button;
  // As a picture: nothing that a server sends is ever read as part of the page.
  const src = `data:image/svg+xml,${encodeURIComponent(shown.code.qr_svg)}`;
  return [button, el("img", { className: "code", testid: "member-code", src, alt: "会员码" }), el("p", { className: "fine" }, "一分钟内有效，只能用一次，再点一次换新的。")];
}

function bindForm(shown, touch) {
  const kinds = shown.kinds ?? [];
  const wanted = JSON.stringify([shown.id, shown.ticket, kinds]);
  if (drafts.get("for") !== wanted) {
    drafts.clear();
    drafts.set("for", wanted);
    drafts.set("form", makeForm(shown, kinds, touch));
  }
  return drafts.get("form");
}

function makeForm(shown, kinds, touch) {
  const kind = el("select", { testid: "bind-kind" }, kinds.map(({ code, name }) => el("option", { value: code }, name)));
  const number = el("input", { testid: "bind-number", inputMode: "numeric", maxLength: 64, required: !shown.ticket });
  const way = el("select", { testid: "bind-proof" }, PROOFS.map(([value, label]) => el("option", { value }, label)));
  const pin = el("input", { testid: "bind-pin", maxLength: 32, autocomplete: "off" });
  const name = el("input", { testid: "bind-name", maxLength: 64 });
  const store = el("select", { testid: "bind-store" });
  const fields = { pin: [field("卡密码", pin)], name: [field("姓名", name), field("门店", store)], phone: [] };
  const asked = el("div", {});
  const ask = () => asked.replaceChildren(...fields[way.value]);
  const fillStores = () => {
    const stores = shown.ticket ? kinds.flatMap((one) => one.stores) : kinds.find(({ code }) => code === kind.value)?.stores ?? [];
    store.replaceChildren(...stores.map(({ id, name: label }) => el("option", { value: id }, label)));
  };
  way.onchange = ask;
  kind.onchange = fillStores;
  ask();
  fillStores();
  const onsubmit = (event) => {
    event.preventDefault();
    const proof = { pin: { pin: pin.value }, name: { name: name.value, store_id: store.value }, phone: {} }[way.value];
    const card = shown.ticket ? {} : { card: { kind: kind.value, number: number.value } };
    touch("bind", { ...card, proof, with_phone: way.value === "phone" });
  };
  const words = shown.ticket ? el("p", { testid: "bind-ticket" }, "卡号已在公众号里填好，还差一步核实。") : [field("卡种", kind), field("卡号", number)];
  return el("form", { onsubmit, testid: "bind-form" },
    el("h4", {}, "绑卡"), words, field("怎样核实", way), asked,
    el("button", { className: shown.ticket ? "green" : "outline", testid: "bind-go" }, "绑定"));
}

export function consentsPanel(member, touch) {
  const rows = (member.consents ?? []).map(({ purpose }) => {
    const withdraw = purpose === "membership" ? "" : el("button", { className: "link", testid: `withdraw-${purpose}`, onclick: () => touch("withdraw", { purpose }) }, "撤回");
    return el("div", { className: "row", testid: "consent-row" }, el("span", {}, PURPOSES[purpose] ?? purpose), el("span", {}, withdraw));
  });
  return el("div", { testid: "consents" }, el("h4", {}, "我的授权"), rows);
}

const field = (label, input) => el("label", { className: "field" }, label, input);
