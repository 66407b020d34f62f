// 店员 beside redeeming: whose 会员码 it is and what can be redeemed for them here, and the shift on this phone.

import { el } from "/phone/dom.js";
import { amount, lastDay, moment } from "/phone/amounts.js";
import { codesNearby } from "/phone/control.js";
import { showSheet } from "/phone/sheet.js";

export async function chooseMember(touch) {
  const { items } = (await codesNearby()) ?? { items: [] };
  const codes = items.map(({ person, token }) => {
    const made = el("button", { testid: "nearby-code", onclick: () => { sheet.close(); touch("identify", { token }); } }, el("b", {}, person), "手机上的会员码");
    made.dataset.person = person;
    return made;
  });
  const sheet = showSheet("扫会员码", codes.length
    ? el("div", { className: "codes" }, codes)
    : el("p", { className: "nothing", testid: "no-code-nearby" }, "没有人在出示会员码。换成顾客，点开“会员码”，再回来扫。"));
}

export function identified({ seen }, touch) {
  if (!seen) return null;
  const claims = seen.claims.map((claim) => {
    const what = `${claim.benefit}，${claim.uses_left} 次${claim.expires_at ? `，到 ${lastDay(claim.expires_at)}` : ""}`;
    const end = claim.needs_bill ? el("span", {}, "需输入消费金额，请扫券码") : el("button", { className: "link", testid: "redeem-held", onclick: () => redeemHeld(claim, touch) }, "核销一次");
    return el("div", { className: "row", testid: "held-claim" }, el("span", {}, what), end);
  });
  return el("div", { className: "panel", testid: "identified" },
    el("h3", {}, `会员${seen.member}`),
    seen.cards.map((card) => line(card.kind_name, `尾号${card.last4}`)),
    claims.length ? claims : el("p", { className: "fine" }, "没有本店现在可用的权益。"));
}

async function redeemHeld({ id }, touch) {
  const call = await touch("redeem", { claim: id });
  if (call) await touch("history");
}

export function shiftPanel({ shift }, touch) {
  const isOpen = shift && !shift.closed_at;
  const go = async (gesture) => {
    const call = await touch(gesture);
    if (gesture === "open_shift" && call?.status === 409) await touch("look_at_shift");
  };
  return el("div", { className: "panel", testid: "shift" },
    el("div", { className: "row" },
      el("h4", {}, isOpen ? `当班中，${moment(shift.opened_at)} 起` : shift ? `已交班，${moment(shift.closed_at)}` : "还没有当班"),
      isOpen ? el("button", { className: "link", testid: "shift-look", onclick: () => go("look_at_shift") }, "刷新") : null,
      el("button", { className: "link", testid: isOpen ? "shift-close" : "shift-open", onclick: () => go(isOpen ? "close_shift" : "open_shift") }, isOpen ? "交班" : "当班")),
    shift ? [
      line("核销", `${shift.redeemed_count} 笔，${amount(shift.redeemed_fen)}`),
      line("撤销", `${shift.reversed_count} 笔，${amount(shift.reversed_fen)}`),
      shift.by_benefit.map((each) => line(each.benefit, `${each.redeemed_count} 笔`)),
    ] : null);
}

const line = (label, value) => el("div", { className: "row" }, el("span", {}, label), el("span", {}, value));
