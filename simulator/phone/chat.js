// The conversation with one official account.

import { $, avatar, clockTime, el, ownLetter, paintAvatar, toast } from "/phone/dom.js";
import { accountNamed, chatOf, gesture, personLine, state } from "/phone/control.js";
import { openByAppId } from "/phone/mini.js";
import { drawMenu } from "/phone/menu.js";
import { safeLink, words } from "/phone/words.js";

const PAUSE_SECONDS = 300;
const THINGS = { image: "[图片]", voice: "[语音]", video: "[视频]", shortvideo: "[视频]", music: "[音乐]" };
let reading = null;  // the chat whose history a former follower reads

const chatName = () => `${state.person}/${state.account}`;

export async function refreshChat() {
  const answer = await chatOf(state.account);
  if (!answer) return;
  state.bubbles = answer.bubbles;
  drawChat();
}

export function drawChat() {
  const account = accountNamed(state.account);
  const isFollowing = personLine().follows.includes(account.name);
  const isStranger = !isFollowing && reading !== chatName();
  $("stranger").hidden = !isStranger;
  $("chat").hidden = isStranger;
  $("foot").hidden = !isFollowing;
  $("unfollow").hidden = !isFollowing;
  $("stranger-title").textContent = account.title;
  $("stranger-history").hidden = state.bubbles.length === 0;
  paintAvatar($("stranger-avatar"), account.title);
  drawMenu(account);
  const chat = $("chat");
  const wasLast = chat.dataset.last;
  chat.replaceChildren(...state.bubbles.flatMap((bubble, index) => timed(bubble, state.bubbles[index - 1], account)));
  chat.dataset.last = `${chatName()}/${state.bubbles.at(-1)?.number}`;
  if (chat.dataset.last !== wasLast) chat.scrollTop = chat.scrollHeight;
}

function timed(bubble, before, account) {
  const drawn = drawBubble(bubble, account);
  if (before && bubble.at - before.at < PAUSE_SECONDS) return [drawn];
  return [el("li", { className: "time" }, clockTime(bubble.at)), drawn];
}

function drawBubble(bubble, account) {
  const { content, kind, side } = bubble;
  const said = { testid: `bubble-${kind === "fault" ? "fault" : side}` };
  if (kind === "fault") return el("li", { className: "fault", ...said }, content.Content);
  if (side === "system") return el("li", { className: "note", ...said }, content.Content);
  const me = personLine().name;
  const face = side === "person" ? avatar(me, ownLetter(me)) : avatar(account.title);
  return el("li", { className: `line ${side}`, ...said }, face, body(kind, content));
}

function body(kind, content) {
  switch (kind) {
    case "text":
      return el("div", { className: "bubble" }, words(content.Content ?? "", openByAppId));
    case "news":
      return el("div", { className: "cards" }, [content.Articles?.item ?? []].flat().map(article));
    case "template":
      return card("服务通知", content.Content, content.Url);
    case "msgmenu":
      return menuMessage(content);
    case "miniprogrampage":
      return card("小程序", content.title, null, () => openByAppId(content.appid, content.pagepath ?? ""));
    case "location":
      return el("div", { className: "bubble thing" }, `[位置] ${content.Label || `${content.Location_X}, ${content.Location_Y}`}`);
    case "link":
      return card(content.Title ?? content.title, content.Description ?? content.description, content.Url ?? content.url);
    default:
      return el("div", { className: "bubble thing" }, THINGS[kind] ?? `[${kind}]`);
  }
}

function article({ Title, Description, Url }) {
  const inside = [el("div", { className: "cover" }, Title), el("div", { className: "inside" }, el("p", {}, Description))];
  const linked = safeLink(Url, "", "article");
  if (!linked) return el("div", { className: "card", testid: "article" }, inside);
  linked.className = "card";
  linked.append(...inside);
  return linked;
}

function card(title, text, url, onclick) {
  const inside = el("div", { className: "inside" }, el("h3", {}, title ?? ""), el("p", {}, text ?? ""));
  if (onclick) inside.append(el("button", { className: "link", onclick }, "打开小程序"));
  const linked = url ? safeLink(url, "查看详情", "card-link") : null;
  if (linked) inside.append(linked);
  return el("div", { className: "card", testid: "card" }, inside);
}

function menuMessage({ head_content: head, list = [], tail_content: tail }) {
  const items = list.map(({ id, content }) =>
    el("button", { className: "link", testid: "menu-message-item", onclick: () => gesture("say", { text: content, menu_id: id }) }, content));
  return el("div", { className: "bubble" }, head ?? "", items.flatMap((item) => ["\n", item]), tail ? `\n${tail}` : "");
}

export function startChat() {
  $("follow").onclick = () => { reading = null; gesture("follow"); };
  $("unfollow").onclick = () => { reading = null; gesture("unfollow"); };
  $("stranger-history").onclick = () => { reading = chatName(); drawChat(); };
  $("input-bar").onsubmit = (event) => {
    event.preventDefault();
    const text = $("chat-input").value;
    if (!text.trim()) return toast("不能发送空白消息");
    $("chat-input").value = "";
    return gesture("say", { text });
  };
  $("more").onclick = () => { $("extras").hidden = !$("extras").hidden; };
  for (const button of $("extras").children) {
    button.onclick = () => {
      $("extras").hidden = true;
      const place = { latitude: 30.2741, longitude: 120.1551, label: "杭州市西湖区" };
      return gesture(button.dataset.gesture, button.dataset.gesture === "send_location" ? place : {});
    };
  }
}
