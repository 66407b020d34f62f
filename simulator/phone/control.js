// The control interface, and what the page remembers.

import { toast } from "/phone/dom.js";

export const state = { world: null, person: null, account: null, mini: null, bubbles: [], details: null };

export async function ask(method, path, body) {
  const options = { method };
  if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers = { "Content-Type": "application/json" };
  }
  let answer;
  try {
    answer = await fetch(`/control${path}`, options);
  } catch {
    toast("模拟器没有响应");
    return null;
  }
  const content = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    toast(content.error ?? "出错了");
    return null;
  }
  return content;
}

export const accountsOf = (kind) => state.world.accounts.filter((account) => account.kind === kind);
export const accountNamed = (name) => state.world.accounts.find((account) => account.name === name);
export const personLine = () => state.world.people.find((person) => person.id === state.person);
const towards = (account) => `/people/${state.person}/accounts/${account}`;

export const gesture = (name, fields = {}, account = state.account) =>
  ask("POST", `${towards(account)}/gestures`, { gesture: name, ...fields });

export const chatOf = (account) => ask("GET", `${towards(account)}/chat`);

export const openScreen = (account, scene, ticket) =>
  ask("POST", `${towards(account)}/screens`, { ...(scene ? { scene } : {}), ...(ticket ? { ticket } : {}) });

export const touchScreen = (screen, name, fields = {}) =>
  ask("POST", `/people/${state.person}/screens/${screen}`, { gesture: name, ...fields });

export const putAway = (screen) => ask("DELETE", `/people/${state.person}/screens/${screen}/pass`);

export const passesNearby = () => ask("GET", "/passes");

export const codesNearby = () => ask("GET", "/codes");
