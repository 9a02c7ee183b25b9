// What the parts of the page share: feeds of messages, the reader's own times, what was read and what was not.

const clock = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
const short = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", hour: "numeric", minute: "2-digit" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });

// dress shows times in the reader's zone, and whom the reader speaks as, in a piece of the page.
export function dress(piece) {
  for (const time of piece.querySelectorAll("time")) {
    const at = new Date(time.dateTime);
    const today = at.toDateString() === new Date().toDateString();
    time.textContent = (time.dataset.style === "clock" && today ? clock : short).format(at);
    time.title = full.format(at);
  }
  const me = document.getElementById("as").value;
  for (const mention of piece.querySelectorAll(".mention")) {
    mention.classList.toggle("me", mention.dataset.person === me);
  }
}

const scroller = document.getElementById("scroller");

export const selected = () => document.querySelector(".feed:not([hidden])");
export const feed = (channel) => document.querySelector(`.feed[data-channel="${CSS.escape(channel)}"]`);
export const atEnd = () => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 80;

export function toEnd() {
  scroller.scrollTop = scroller.scrollHeight;
}

// node makes an element of a fragment that the server has drawn, and escaped.
export function node(html) {
  const holder = document.createElement("template");
  holder.innerHTML = html;
  return holder.content.firstElementChild;
}

// What was read of each channel: the number of its last message, kept for this tab and this life of the server.
const key = "read " + document.body.dataset.epoch;
const read = JSON.parse(sessionStorage.getItem(key) ?? "{}");

const numbers = (channel) => [...feed(channel).querySelectorAll(".message")].map((m) => Number(m.dataset.number));

// countUnread marks the channels that hold messages the reader has not had before the eyes.
export function countUnread() {
  let total = 0;
  const current = selected().dataset.channel;
  if (!document.hidden) read[current] = Math.max(0, ...numbers(current));
  for (const link of document.querySelectorAll("#channels a")) {
    const channel = link.dataset.channel;
    const unread = numbers(channel).filter((n) => n > (read[channel] ?? 0)).length;
    total += unread;
    mark(link.querySelector(".unread"), unread);
    link.classList.toggle("fresh", unread > 0);
  }
  mark(document.querySelector(".menu .unread"), total);
  document.title = `${total ? `(${total}) ` : ""}${current} · Bellwether`;
  sessionStorage.setItem(key, JSON.stringify(read));
}

function mark(badge, count) {
  badge.hidden = count === 0;
  badge.textContent = count > 99 ? "99+" : count;
  badge.setAttribute("aria-label", `${count} unread`);
}
