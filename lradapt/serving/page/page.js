// The page of `lradapt serve`: a person gives an image, and sees the answer of the model.

const $ = (id) => document.getElementById(id);
const NUM_SHOWN = 8; // classes, before the others are asked for
const WAIT_MS = 2000; // until training images that are not ready are asked for again
const state = { number: 0, token: sessionStorage.getItem("token") ?? "", image: null, shown: "" };

class Refused extends Error {}

// Requests

async function ask(address, image) {
  const headers = state.token ? { authorization: `Bearer ${state.token}` } : {};
  const options = image ? { method: "POST", body: image, headers } : { headers };
  let response;
  try {
    response = await fetch(address, { ...options, cache: "no-store" });
  } catch {
    throw new Error("no answer: the server does not run, or the network is down");
  }
  const answer = await response.json().catch(() => ({}));
  if (response.status === 401) throw new Refused(answer.detail);
  if (!response.ok) throw new Error(faultOf(answer) || `error ${response.status}`);
  return answer;
}

function faultOf(answer) {
  return answer.faults?.map((each) => each.fault).join("; ") || answer.detail;
}

// A request that is refused for want of a token is made again once there is one.
async function attempt(act) {
  const number = ++state.number;
  const isLatest = () => number === state.number;
  try {
    await act(isLatest);
  } catch (error) {
    if (!isLatest()) return;
    if (error instanceof Refused) askForToken(error.message, () => attempt(act));
    else say(error.message, true);
  }
}

function askForToken(fault, then) {
  const dialog = $("token-dialog");
  $("token-fault").textContent = fault;
  $("token-fault").hidden = !state.token || !fault;
  $("token").value = "";
  dialog.returnValue = "";
  dialog.onclose = () => {
    const token = $("token").value.trim();
    $("token").value = "";
    if (dialog.returnValue !== "ok" || !token) {
      if (then) say("A token is needed: press “Token” to give one.", true);
      $("token-button").hidden = false;
      return;
    }
    state.token = token;
    sessionStorage.setItem("token", token);
    say("");
    (then ?? (() => attempt(loadVersion)))();
  };
  if (!dialog.open) dialog.showModal();
  $("token").focus();
}

// The image

function take(file) {
  if (!file) return;
  state.image = file;
  showPicture(file);
  $("found").hidden = true;
  say("The image is being classified ...");
  attempt(classify);
}

function showPicture(file) {
  URL.revokeObjectURL(state.shown);
  state.shown = URL.createObjectURL(file);
  const picture = $("picture");
  picture.onload = () => picture.classList.toggle("small", picture.naturalWidth < 160);
  picture.onerror = () => { picture.hidden = true; $("no-picture").hidden = false; };
  picture.hidden = false;
  picture.alt = "the image that was given";
  picture.src = state.shown;
  $("no-picture").hidden = true;
  $("invitation").textContent = "Another one: drop it here, or paste it.";
  $("choose").textContent = "Choose another image";
}

async function classify(isLatest) {
  const image = state.image;
  const answer = await ask("predict", image);
  if (!isLatest()) return;
  $("token-button").hidden = !state.token;
  say("");
  showAnswer(answer);
  await showNearest(image, isLatest);
}

// The answer

function say(text, isFault = false) {
  $("message").textContent = text;
  $("message").hidden = !text;
  $("message").classList.toggle("fault", isFault);
}

function showAnswer({ version, predictions: [prediction] }) {
  const rows = Object.entries(prediction.probabilities).sort((one, other) => other[1] - one[1]);
  $("class").textContent = `${prediction.class}, ${percent(rows[0][1])}`;
  showDoubt(prediction);
  showBars(rows.slice(0, NUM_SHOWN));
  $("all").hidden = rows.length <= NUM_SHOWN;
  $("all").textContent = `Show all ${rows.length} classes`;
  $("all").onclick = () => { showBars(rows); $("all").hidden = true; };
  $("origin").textContent = `Answer of version ${version}.`;
  $("found").hidden = false;
}

function showDoubt({ unlike_training: unlike, unsure }) {
  const sentences = [];
  if (unlike) sentences.push("This image is unlike those that the model was trained on: do not rely on the answer.");
  if (unsure?.length > 1) sentences.push(`The model is unsure between ${unsure.join(", ")}.`);
  if (unsure?.length === 0) sentences.push("No class fits this image well.");
  $("doubt").textContent = sentences.join(" ");
  $("doubt").hidden = !sentences.length;
}

function showBars(rows) {
  $("bars").replaceChildren(...rows.map(([name, probability]) => {
    const line = element("li");
    const title = element("span", "name", name);
    title.title = name;
    const track = element("span", "track");
    const bar = element("div", "bar");
    bar.style.width = `${100 * probability}%`;
    track.append(bar);
    line.append(title, track, element("span", "share", percent(probability)));
    return line;
  }));
}

function percent(probability) {
  if (probability < 0.001) return "< 0.1 %";
  return probability > 0.999 ? "> 99.9 %" : `${(100 * probability).toFixed(1)} %`;
}

function element(name, kind = "", text = "") {
  const made = document.createElement(name);
  made.className = kind;
  made.textContent = text;
  return made;
}

// The nearest training images

async function showNearest(image, isLatest) {
  $("nearest").replaceChildren();
  explain("They are being looked for ...");
  for (;;) {
    let answer;
    try {
      answer = await ask("nearest", image);
    } catch (error) {
      if (error instanceof Refused) throw error;
      answer = { neighbours: [], why_not: error.message };
    }
    if (!isLatest()) return;
    explain(answer.why_not);
    $("nearest").replaceChildren(...answer.neighbours.map(near));
    if (!answer.is_pending) return;
    await new Promise((resume) => setTimeout(resume, WAIT_MS));
    if (!isLatest()) return;
  }
}

function explain(text) {
  $("why-not").textContent = text;
  $("why-not").hidden = !text;
}

function near({ image, label, similarity, picture }) {
  const line = element("li");
  if (picture) {
    const shown = new Image();
    shown.onload = () => shown.classList.toggle("small", shown.naturalWidth < 160);
    shown.src = picture;
    shown.alt = `a training image of ${label}`;
    line.append(shown);
  }
  line.append(element("strong", "", label), `${similarity.toFixed(2)} · ${image}`);
  return line;
}

// Drop, paste, choose

function connect() {
  const zone = $("zone");
  for (const name of ["dragenter", "dragover"]) document.addEventListener(name, (event) => { event.preventDefault(); zone.classList.add("over"); });
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) zone.classList.remove("over"); });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    receive(event.dataTransfer);
  });
  document.addEventListener("paste", (event) => {
    if (event.target.closest?.("input, dialog")) return;
    event.preventDefault();
    receive(event.clipboardData);
  });
  $("choose").addEventListener("click", () => $("file").click());
  $("file").addEventListener("change", () => { take($("file").files[0]); $("file").value = ""; });
  $("token-button").addEventListener("click", () => askForToken("", null));
  $("token").addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    $("token-dialog").close("ok");
  });
}

function receive(data) {
  const files = [...(data?.files ?? [])];
  if (files.length === 1) take(files[0]);
  else if (files.length) say("These are several files: give one image.", true);
  else say("This is not a file: give an image file, or copy an image itself.", true);
}

async function loadVersion(isLatest) {
  const { version, since, classes } = await ask("version");
  if (!isLatest()) return;
  $("served").textContent = `version ${version}, in production since ${since.slice(0, 10)}, ${classes.length} classes`;
  $("token-button").hidden = !state.token;
}

connect();
attempt(loadVersion);
