// The chat page: channels without a reload, buttons, the demo's events, pictures at full size.
import { atEnd, countUnread, dress, feed, selected, toEnd } from "./feed.js";
import { follow } from "./live.js";
import { ask } from "./ask.js";
import { compose, send } from "./composer.js";

const scroller = document.getElementById("scroller");
const newest = document.getElementById("newest");
const enlarged = document.getElementById("enlarged");

function select(channel) {
  for (const section of document.querySelectorAll(".feed")) section.hidden = section.dataset.channel !== channel;
  for (const link of document.querySelectorAll("#channels a")) {
    if (link.dataset.channel === channel) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.getElementById("channel").textContent = channel;
  document.getElementById("channels").hidePopover();
  newest.hidden = true;
  compose.leaveThread();
  countUnread();
}

// openTarget shows the thread that the address names.
function openTarget() {
  const target = document.getElementById(location.hash.slice(1));
  const section = target?.closest(".feed");
  if (!section) return false;
  if (section.hidden) select(section.dataset.channel);
  target.scrollIntoView();
  return true;
}

document.getElementById("channels").addEventListener("click", (event) => {
  const link = event.target.closest("a[data-channel]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  history.pushState(null, "", link.href);
  select(link.dataset.channel);
  toEnd();
});

addEventListener("popstate", () => {
  const channel = new URLSearchParams(location.search).get("channel");
  if (openTarget()) return;
  select(channel && feed(channel) ? channel : document.querySelector(".feed").dataset.channel);
  toEnd();
});

document.addEventListener("click", (event) => {
  const at = (selector) => event.target.closest(selector);
  if (at("[data-command]")) press(at("[data-command]"));
  else if (at("[data-thread]")) compose.enterThread(at(".thread"));
  else if (at(".private .dismiss")) at(".private").remove();
  else if (at("[data-scene]")) play(at("[data-scene]"));
  else if (at(".picture") && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    enlarge(at(".picture").querySelector("img"));
  }
});

async function press(button) {
  const where = [selected().dataset.channel, button.closest(".thread")?.id ?? ""];
  if ("form" in button.dataset) return ask(button, ...where);
  button.disabled = true;
  await send(button.dataset.command, ...where);
  button.disabled = false;
}

async function play(button) {
  if (button.ariaBusy === "true") return;
  const state = button.querySelector("em");
  button.ariaBusy = "true";
  state.textContent = "Sending";
  try {
    const response = await fetch("/chat/scenes/" + encodeURIComponent(button.dataset.scene), { method: "POST" });
    state.textContent = response.ok ? "Sent" : await response.text();
  } catch {
    state.textContent = "Bellwether does not answer. Is it still running?";
  }
  button.ariaBusy = "false";
  setTimeout(() => { state.textContent = ""; }, 6000);
}

function enlarge(picture) {
  const image = enlarged.querySelector("img");
  image.src = picture.src;
  image.alt = picture.alt;
  enlarged.showModal();
}
enlarged.addEventListener("click", () => enlarged.close());

newest.addEventListener("click", () => { toEnd(); newest.hidden = true; });
scroller.addEventListener("scroll", () => { if (atEnd()) newest.hidden = true; }, { passive: true });
document.addEventListener("visibilitychange", countUnread);

dress(document);
countUnread();
if (!openTarget()) toEnd();
document.getElementById("as").addEventListener("change", () => dress(document));
follow(document.body.dataset.after);
