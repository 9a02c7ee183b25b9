// The box that takes commands: who speaks, in which thread, and suggestions while typing.
import { atEnd, dress, node, selected, toEnd } from "./feed.js";

const form = document.getElementById("composer");
const words = document.getElementById("words");
const as = document.getElementById("as");
const scope = document.getElementById("scope");
const problem = document.getElementById("problem");
const list = document.getElementById("hints");
const hints = [...list.children];
let thread = ""; // id of the root that commands are said in

export const compose = {
  enterThread(root) {
    thread = root.id;
    scope.querySelector("span").textContent = "In the thread of " + root.querySelector(".title").textContent;
    scope.hidden = false;
    words.focus();
  },
  leaveThread() {
    thread = "";
    scope.hidden = true;
  },
};

// say sends words to the server and returns its answer. A private reply is shown here, a public one comes with the stream.
export async function say(path, words) {
  let response;
  try {
    response = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ ...words, as: as.value }),
    });
  } catch {
    throw new Error("Bellwether does not answer. Is it still running?");
  }
  if (!response.ok) throw new Error(await response.text());
  const answer = await response.json();
  if (answer.private) whisper(answer.html, words.thread);
  return answer;
}

// send says a command; true when it was taken.
export async function send(text, channel, thread) {
  problem.hidden = true;
  try {
    await say("/chat/commands", { channel, thread, text });
    return true;
  } catch (error) {
    complain(error);
    return false;
  }
}

export function complain(error) {
  problem.textContent = error.message;
  problem.hidden = false;
}

function whisper(html, thread) {
  const piece = node(html);
  dress(piece);
  const root = thread && document.getElementById(thread);
  if (root) root.querySelector(".replies").open = true;
  const end = atEnd();
  (root ? root.querySelector(".list") : selected()).append(piece);
  if (end) toEnd();
  piece.scrollIntoView({ block: "nearest" });
  document.getElementById("heard").textContent = "Only visible to you: " + piece.querySelector(".content").textContent;
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = words.value.trim();
  if (!text) return;
  const button = form.querySelector("[type=submit]");
  button.disabled = true;
  suggest([]);
  if (!thread) toEnd(); // where the answer will be
  if (await send(text, selected().dataset.channel, thread)) words.value = "";
  button.disabled = false;
});
scope.querySelector("button").addEventListener("click", () => { compose.leaveThread(); words.focus(); });

as.value = localStorage.getItem("as") ?? as.value;
if (!as.value) as.selectedIndex = 0;
as.addEventListener("change", () => localStorage.setItem("as", as.value));

// literal is what of a usage is typed as it stands: "rerun [RUN]" is "rerun".
const literal = (hint) => hint.dataset.usage.match(/^[a-z- ]*[a-z]/)?.[0] ?? "";

function matching() {
  const typed = words.value.replace(/^\/?(loadtest)?\s*/, "").toLowerCase();
  const wanted = "/loadtest".startsWith(words.value) || words.value.startsWith("/loadtest") || typed !== "";
  if (!words.value || !wanted) return [];
  if ("/loadtest".startsWith(words.value)) return hints;
  return hints.filter((hint) => literal(hint).startsWith(typed) && literal(hint) !== typed);
}

const active = () => hints.find((hint) => hint.getAttribute("aria-selected") === "true");

function suggest(shown) {
  for (const hint of hints) hint.hidden = !shown.includes(hint);
  activate(null);
  list.hidden = shown.length === 0;
  words.setAttribute("aria-expanded", String(shown.length > 0));
}

function activate(hint) {
  active()?.setAttribute("aria-selected", "false");
  hint?.setAttribute("aria-selected", "true");
  hint?.scrollIntoView({ block: "nearest" });
  if (hint) words.setAttribute("aria-activedescendant", hint.id);
  else words.removeAttribute("aria-activedescendant");
}

function pick(hint) {
  words.value = "/loadtest " + literal(hint) + (literal(hint) === hint.dataset.usage ? "" : " ");
  suggest([]);
  words.focus();
}

function move(step) {
  const shown = hints.filter((hint) => !hint.hidden);
  const at = shown.indexOf(active());
  activate(shown[(at < 0 && step < 0 ? shown.length - 1 : at + step + shown.length) % shown.length]);
}

words.addEventListener("input", () => suggest(matching()));
words.addEventListener("blur", () => suggest([]));
words.addEventListener("keydown", (event) => {
  if (list.hidden) return;
  const act = {
    ArrowDown: () => move(1),
    ArrowUp: () => move(-1),
    Escape: () => suggest([]),
    Tab: () => pick(active() ?? hints.find((hint) => !hint.hidden)),
    Enter: active() && (() => pick(active())),
  }[event.key];
  if (!act || event.isComposing || event.shiftKey) return;
  event.preventDefault();
  act();
});
list.addEventListener("mousedown", (event) => {
  event.preventDefault(); // the box keeps the keyboard
  const hint = event.target.closest("li");
  if (hint) pick(hint);
});
