// Sheets that come up over the page: scanning a code, making a person.

import { $, el, section } from "/phone/dom.js";
import { ask, gesture, state } from "/phone/control.js";
import { open } from "/phone/mini.js";
import { showSheet } from "/phone/sheet.js";

export async function showScan() {
  state.world = (await ask("GET", "/state")) ?? state.world;
  const titles = Object.fromEntries(state.world.accounts.map(({ name, title }) => [name, title]));
  const codes = state.world.codes.toReversed().map(({ ticket, account, scene }) => {
    const picture = el("img", { src: `/cgi-bin/showqrcode?ticket=${encodeURIComponent(ticket)}`, alt: "" });
    const made = el("button", { testid: "scan-code", onclick: () => scan(account, scene) }, picture, el("b", {}, scene), titles[account]);
    made.dataset.scene = scene;
    return made;
  });
  const account = el("select", { testid: "scan-account" }, state.world.accounts.map(({ name, title }) => el("option", { value: name }, title)));
  account.value = state.account;
  const scene = el("input", { testid: "scan-scene", required: true, maxLength: 64, placeholder: "如 store_7" });
  const onsubmit = (event) => { event.preventDefault(); scan(account.value, scene.value); };
  showSheet("扫一扫",
    codes.length ? el("div", { className: "codes" }, codes) : el("p", { className: "nothing" }, "还没有生成过二维码"),
    el("form", { onsubmit }, field("账号", account), field("场景值", scene), el("div", { className: "actions" }, el("button", { className: "green", testid: "scan-go" }, "扫码"))));
}

function scan(name, scene) {
  $("sheet").close();
  const account = state.world.accounts.find((one) => one.name === name);
  if (account.kind === "mp") return open(name, scene);
  state.account = name;
  document.dispatchEvent(new CustomEvent("chosen"));
  return gesture("scan", { scene });
}

export function showNewPerson(choose) {
  const name = el("input", { testid: "new-name", required: true, maxLength: 20 });
  const phone = el("input", { testid: "new-phone", inputMode: "tel", maxLength: 15, placeholder: "可以不填" });
  const onsubmit = async (event) => {
    event.preventDefault();
    const person = await ask("POST", "/people", { name: name.value, ...(phone.value ? { phone: phone.value } : {}) });
    $("sheet").close();
    if (person) choose(person.id);
  };
  showSheet("新建一个人",
    el("form", { onsubmit }, field("名字", name), field("微信绑定的手机号", phone), el("div", { className: "actions" }, el("button", { className: "green", testid: "new-create" }, "创建"))));
}

export async function showPerson() {
  const person = await ask("GET", `/people/${state.person}`);
  if (!person) return;
  const phone = el("input", { testid: "edit-phone", inputMode: "tel", maxLength: 15, value: person.phone ?? "" });
  const risky = el("input", { type: "checkbox", testid: "edit-risky", checked: person.is_risky });
  const refuses = el("input", { type: "checkbox", testid: "edit-refuses", checked: person.accounts[state.account].refuses });
  const onsubmit = async (event) => {
    event.preventDefault();
    const wanted = { phone: phone.value || null, is_risky: risky.checked, account: state.account, refuses: refuses.checked };
    await ask("PATCH", `/people/${state.person}`, wanted);
    $("sheet").close();
  };
  const ids = Object.entries(person.accounts).map(([name, { openid, unionid }]) => `${name}\n  openid ${openid}\n  unionid ${unionid ?? "无"}`);
  showSheet(person.name,
    el("form", { onsubmit },
      field("微信绑定的手机号", phone),
      el("label", { className: "tick" }, risky, "高风险用户，登录会被拦截（40226）"),
      el("label", { className: "tick" }, refuses, "拒收这个公众号的消息"),
      el("div", { className: "actions" }, el("button", { className: "green", testid: "edit-save" }, "保存"))),
    section("标识", ids.join("\n")));
}

const field = (label, input) => el("label", { className: "field" }, label, input);
