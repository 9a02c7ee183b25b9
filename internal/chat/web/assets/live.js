// What happens while the page is open: new messages and new states of old ones, from the server's stream of events.
import { atEnd, countUnread, dress, feed, node, selected, toEnd } from "./feed.js";

const live = document.getElementById("live");
const heard = document.getElementById("heard");
const newest = document.getElementById("newest");

export function follow(after) {
  const stream = new EventSource("/chat/stream?after=" + encodeURIComponent(after));
  stream.addEventListener("open", () => tell("Live", true));
  stream.addEventListener("error", () => tell(stream.readyState === EventSource.CLOSED ? "Offline: reload the page" : "Reconnecting", false));
  stream.addEventListener("restarted", () => location.reload());
  stream.addEventListener("message", (event) => show(JSON.parse(event.data)));
}

function tell(text, on) {
  live.textContent = text;
  live.title = text;
  live.classList.toggle("on", on);
}

function show(update) {
  const section = feed(update.channel);
  if (!section) return location.reload(); // a channel this page was drawn without
  const stay = atEnd();
  const fresh = update.thread ? showReply(update) : showRoot(section, update);
  if (fresh) heard.textContent = `${update.channel}: ${update.title}`;
  countUnread();
  if (section !== selected()) return;
  if (stay) toEnd();
  else if (fresh) newest.hidden = false;
}

// showRoot tells whether the root is new. Of a known one only the message is replaced: its thread stays as it is.
function showRoot(section, update) {
  const thread = node(update.html);
  const old = document.getElementById(update.id);
  if (old) replace(old.querySelector(".message"), thread.querySelector(".message"));
  else place(section, thread);
  return !old;
}

function showReply(update) {
  const thread = document.getElementById(update.thread);
  const old = document.getElementById(update.id);
  if (old) replace(old, node(update.html));
  else place(thread.querySelector(".list"), node(update.html));
  replace(thread.querySelector("summary"), node(update.summary));
  return !old;
}

// place keeps the order in which messages were posted.
function place(list, piece) {
  dress(piece);
  const later = [...list.children].find((other) => Number(other.dataset.number) > Number(piece.dataset.number));
  list.insertBefore(piece, later ?? null);
}

// replace keeps the keyboard where it was.
function replace(old, piece) {
  dress(piece);
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  old.replaceWith(piece);
  if (focused === old) piece.focus();
  else if (focused?.dataset.command) piece.querySelector(`[data-command="${CSS.escape(focused.dataset.command)}"]`)?.focus();
}
