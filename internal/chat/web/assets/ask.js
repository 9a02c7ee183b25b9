// Forms: what is asked before a command is sent. The server draws them, and puts what was filled in behind the command.
import { node } from "./feed.js";
import { complain, say } from "./composer.js";

const dialog = document.getElementById("ask");
let opener = null; // the button that opened the form
let where = {}; // channel and thread of that button

// ask shows the form of a button's command. When there is nothing to ask, the reply that says so is shown instead.
export async function ask(button, channel, thread) {
  try {
    const answer = await say("/chat/forms", { channel, thread, text: button.dataset.command });
    if (!answer.form || dialog.open) return;
    opener = button;
    where = { channel, thread };
    dialog.replaceChildren(node(answer.form));
    for (const group of dialog.querySelectorAll("fieldset[data-required]")) need(group);
    dialog.showModal();
    dialog.querySelector("input, select")?.focus();
  } catch (error) {
    complain(error);
  }
}

// need keeps a form from being sent while nothing of a group is chosen; HTML has no such thing.
function need(group) {
  const boxes = [...group.querySelectorAll("input")];
  boxes[0]?.setCustomValidity(boxes.some((box) => box.checked) ? "" : "Choose at least one.");
}

// filled are the values by word; what was left empty is left out.
function filled(form) {
  const values = {};
  for (const [word, value] of new FormData(form)) {
    if (value.trim()) (values[word] ??= []).push(value);
  }
  return values;
}

dialog.addEventListener("change", (event) => {
  const group = event.target.closest("fieldset[data-required]");
  if (group) need(group);
});
dialog.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const button = form.querySelector("[type=submit]");
  const wrong = form.querySelector(".wrong");
  button.disabled = true;
  wrong.hidden = true;
  try {
    await say("/chat/commands", { ...where, text: form.dataset.line, filled: filled(form) });
    dialog.close();
  } catch (error) {
    wrong.textContent = error.message;
    wrong.hidden = false;
    button.disabled = false;
  }
});
dialog.addEventListener("click", (event) => {
  if (event.target.closest("[data-cancel]")) dialog.close();
});
dialog.addEventListener("close", () => {
  dialog.replaceChildren();
  (opener.isConnected ? opener : document.getElementById("words")).focus(); // an edit may have replaced the button
});
