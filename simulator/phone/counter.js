// 店员: accept an invitation, sign in, scan what another phone shows or type its code, look, redeem, take back.

import { el } from "/phone/dom.js";
import { amount, forget, keptAs, lastDay, moment } from "/phone/amounts.js";
import { passesNearby } from "/phone/control.js";
import { chooseMember, identified, shiftPanel } from "/phone/serving.js";
import { showSheet } from "/phone/sheet.js";

const ROLES = { clerk: "店员", manager: "店长" };

export function counterPage(shown, touch) {
  const { counter } = shown;
  if (!counter.is_signed_in) return [arriving(shown, touch)];
  return [
    scanning(shown, touch),
    counter.refusal ? refusal(counter.refusal) : null,
    counter.preview ? preview(shown, touch) : null,
    counter.receipt ? receipt(counter.receipt, touch) : null,
    identified(counter, touch),
    shiftPanel(counter, touch),
    history(counter, touch),
  ].filter(Boolean);
}

function arriving(shown, touch) {
  const invitation = keptAs(`invitation ${shown.id}`, () => el("input", { testid: "invitation", autocomplete: "off", maxLength: 64, placeholder: "粘贴管理员给的邀请码" }));
  const onsubmit = async (event) => {
    event.preventDefault();
    const call = await touch("accept", { invitation: invitation.value });
    if (call?.status < 300) await enter(touch);
  };
  return el("div", { className: "panel" },
    el("button", { className: "green", testid: "clerk-sign-in", onclick: () => enter(touch) }, "店员登录"),
    shown.counter.refusal ? el("p", { className: "problem", testid: "counter-problem" }, shown.counter.refusal.title) : null,
    el("form", { onsubmit }, field("第一次来？接受邀请", invitation), el("button", { className: "outline", testid: "accept" }, "接受邀请")));
}

async function enter(touch) {
  const call = await touch("sign_in");
  if (call?.status < 300) await touch("history");
}

function scanning(shown, touch) {
  const { clerk } = shown.counter;
  const typed = keptAs(`typed ${shown.id}`, () => el("input", { testid: "typed", autocomplete: "off", maxLength: 64, placeholder: "顾客报出的券码" }));
  const onsubmit = async (event) => {
    event.preventDefault();
    if (!typed.value.trim()) return;
    await look(shown, touch, { code: typed.value.trim() });
    typed.value = "";
  };
  return el("div", { className: "panel" },
    el("div", { className: "row" }, el("span", { testid: "clerk-name" }, `${clerk.name} · ${ROLES[clerk.role] ?? clerk.role}`), el("button", { className: "link", testid: "clerk-leave", onclick: () => touch("leave") }, "退出")),
    el("button", { className: "green", testid: "counter-scan", onclick: () => chooseNearby(shown, touch) }, "扫一扫"),
    el("button", { className: "outline", testid: "member-scan", onclick: () => chooseMember(touch) }, "扫会员码"),
    el("form", { className: "inline", onsubmit }, typed, el("button", { className: "outline", testid: "typed-go" }, "查验")));
}

function look(shown, touch, what) {
  forget(`asked ${shown.id}`);
  return touch("look", what);
}

async function chooseNearby(shown, touch) {
  const { items } = (await passesNearby()) ?? { items: [] };
  const codes = items.map(({ person, token }) => {
    const made = el("button", { testid: "nearby-pass", onclick: () => { sheet.close(); look(shown, touch, { token }); } }, el("b", {}, person), "手机上的券码");
    made.dataset.person = person;
    return made;
  });
  const sheet = showSheet("扫一扫", codes.length
    ? el("div", { className: "codes" }, codes)
    : el("p", { className: "nothing", testid: "nothing-nearby" }, "没有人在出示券码。换成顾客，在“卡包”里点开一张券，再回来扫。"));
}

function preview(shown, touch) {
  const { preview: seen } = shown.counter;
  const uses = keptAs(`asked ${shown.id} uses`, () => el("input", { testid: "uses", type: "number", min: 1, max: seen.uses_left, value: 1, required: true }));
  const bill = keptAs(`asked ${shown.id} bill`, () => el("input", { testid: "bill", type: "number", min: 0, step: 0.01, placeholder: "满减券才需要" }));
  const onsubmit = async (event) => {
    event.preventDefault();
    const billed = Math.round(Number(bill.value) * 100);
    const call = await touch("redeem", { uses: Number(uses.value), ...(billed ? { bill_fen: billed } : {}) });
    if (call) await touch("history");
  };
  return el("form", { className: "panel", onsubmit, testid: "preview" },
    el("h3", {}, seen.benefit),
    row("会员", seen.member), row("门店", seen.store),
    row("可用", `${seen.uses_left} 次${seen.expires_at ? `，到 ${lastDay(seen.expires_at)}` : ""}`),
    seen.uses_left > 1 ? field("核销次数", uses) : null, field("消费金额（元）", bill),
    el("button", { className: "green", testid: "redeem" }, "确认核销"));
}

function refusal(refused) {
  const { first } = refused;
  return el("div", { className: "panel verdict bad", testid: "refusal" },
    el("h3", {}, refused.title ?? "没有核销"),
    first ? [
      row("核销时间", `${moment(first.redeemed_at)}（${ago(first.seconds_ago)}）`),
      first.store ? [row("门店", first.store), row("店员", first.clerk), row("小票", first.receipt)] : row("门店", "其他门店"),
      first.same_device && first.within_60s ? el("p", { className: "fine" }, "就是这台手机刚才核销的，多半是重复扫码。") : null,
    ] : null,
    refused.stores ? row("适用门店", refused.stores.join("、")) : null);
}

const ago = (seconds) => (seconds < 60 ? `${Math.floor(seconds)} 秒前` : seconds < 7200 ? `${Math.floor(seconds / 60)} 分钟前` : `${Math.floor(seconds / 3600)} 小时前`);

function receipt(done, touch) {
  return el("div", { className: "panel verdict good", testid: "receipt" },
    el("h3", {}, "核销成功"),
    done.redemptions.map((line) => [
      row(line.benefit, `${line.uses} 次，还剩 ${line.uses_left} 次`),
      row("会员", line.member),
      line.deducted_fen === null ? null : row("抵扣", amount(line.deducted_fen)),
    ]),
    row("小票", done.receipt), row("门店", `${done.store} · ${done.clerk}`),
    done.redemptions.map((line) => el("button", { className: "outline", testid: "reverse", onclick: () => takeBack(line, touch) }, "撤销这笔")));
}

function takeBack({ id, benefit }, touch) {
  const reason = el("input", { testid: "reverse-reason", required: true, maxLength: 200, value: "核销错了" });
  const onsubmit = async (event) => {
    event.preventDefault();
    sheet.close();
    await touch("reverse", { redemption: id, reason: reason.value });
    await touch("history");
  };
  const sheet = showSheet("撤销核销", el("form", { onsubmit },
    el("p", {}, `${benefit}会退回顾客的卡包。`), field("为什么撤销", reason),
    el("div", { className: "actions" }, el("button", { className: "green", testid: "reverse-go" }, "撤销"))));
}

function history({ entries }, touch) {
  if (!entries?.length) return null;
  const lines = entries.map((entry) => {
    const isOpen = !entry.reverses && !entry.is_reversed;
    const end = isOpen ? el("button", { className: "link", testid: "entry-reverse", onclick: () => takeBack(entry, touch) }, "撤销") : el("span", {}, entry.reverses ? "撤销" : "已撤销");
    return el("div", { className: "row", testid: "entry" }, el("span", {}, moment(entry.redeemed_at)), el("span", {}, `${entry.benefit} × ${Math.abs(entry.uses)}`), end);
  });
  return el("div", { className: "panel entries" }, el("h4", {}, "核销记录"), lines);
}

const row = (label, value) => el("div", { className: "row" }, el("span", {}, label), el("span", {}, value));
const field = (label, input) => el("label", { className: "field" }, label, input);
