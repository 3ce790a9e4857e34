// The page of `lradapt review`: shows one image of a queue, and sends what a person decides.

const $ = (id) => document.getElementById(id);
const NUM_DIGITS = 9;
const state = {
  who: "", window: windowId(), queue: "", classes: [], digits: new Map(), testWarning: "",
  items: [], progress: null, busy: false, pictures: new Map(), neighbours: new Map(),
};

// A window keeps its identity when the page is loaded again, and with it its images.
function windowId() {
  const id = sessionStorage.getItem("window") ?? crypto.randomUUID();
  sessionStorage.setItem("window", id);
  return id;
}

// Requests

async function ask(address, body) {
  const options = body === undefined ? {} : {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body),
  };
  let response;
  try {
    response = await fetch(address, options);
  } catch {
    throw new Error("no answer: `lradapt review` has ended. Start it again, and open its new address.");
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(inWords(answer.detail) || `error ${response.status}`);
  return answer;
}

function inWords(detail) {
  return Array.isArray(detail) ? detail.map((each) => each.msg).join("; ") : detail;
}

function asked(more = {}) {
  return { who: state.who, window: state.window, ...more };
}

// One thing at a time: a key that is pressed while a decision is being saved does nothing.
async function alone(act) {
  if (state.busy) return;
  state.busy = true;
  document.body.setAttribute("aria-busy", "true");
  try {
    await act();
  } catch (error) {
    say(error.message, true);
  } finally {
    state.busy = false;
    document.body.removeAttribute("aria-busy");
  }
}

async function loadNext(again = false) {
  take(await ask("/api/next", asked({ queue: state.queue, again })));
}

function take(answer) {
  state.items = answer.items;
  state.progress = answer.progress;
  show();
}

async function decide(action, label = "") {
  const item = state.items[0];
  if (action === "keep" && item && !item.label) return; // a recorded image, which has no label yet
  if (!item || (action === "change" && (!label || label === item.label))) return;
  await alone(async () => {
    try {
      take(await ask("/api/decide", asked({
        queue: state.queue, image: item.image, action, label: item.label, new: label, seen: item.seen,
      })));
      say(described(action, item, label));
    } catch (error) {
      await loadNext(); // what has changed meanwhile is shown
      throw error;
    }
  });
}

async function undo() {
  await alone(async () => {
    const answer = await ask("/api/undo", asked({ queue: state.queue }));
    take(answer);
    say(`undone: ${answer.entry.image}`);
  });
}

function described(action, item, label) {
  const change = item.label ? `${item.label} → ${label}` : `labelled ${label}`;
  const words = { keep: `kept as ${item.label}`, change, exclude: "excluded", skip: "skipped" };
  return `${item.image}: ${words[action]}`;
}

// What is shown

function say(text, isFault = false) {
  $("message").textContent = text;
  $("message").hidden = !text;
  $("message").classList.toggle("fault", isFault);
}

function show() {
  const [item, following] = state.items;
  showProgress();
  $("item").hidden = !item;
  $("done").hidden = Boolean(item);
  for (const id of ["keep", "change", "exclude", "skip", "list"]) $(id).disabled = !item;
  $("classes").hidden = !item;
  if (item) showItem(item);
  else showEnd();
  if (following) {
    pictureOf(following);
    neighboursOf(following);
  }
  forgetOthers();
}

function showProgress() {
  const { total, open, skipped } = state.progress;
  $("bar").max = Math.max(total, 1);
  $("bar").value = total - open;
  const aside = skipped ? `, ${skipped.toLocaleString("en")} skipped` : "";
  $("count").textContent = `${(total - open).toLocaleString("en")} of ${total.toLocaleString("en")} decided${aside}`;
}

function showEnd() {
  const { total, open, skipped } = state.progress;
  const done = $("done");
  done.replaceChildren();
  if (!total) done.append("Nothing is in this queue.");
  else if (!open) done.append("All are decided. `make retrain` trains on the corrected labels.");
  else if (!skipped) done.append(`${open} are open before other people; come back later.`);
  else {
    const button = element("button", `Show the ${skipped} that you have skipped`);
    button.addEventListener("click", () => alone(() => loadNext(true)));
    done.append(button);
  }
}

function showItem(item) {
  $("picture").replaceChildren(pictureOf(item), $("origin"));
  $("origin").textContent = [item.image, item.group && `group ${item.group}`, item.split].filter(Boolean).join(" · ");
  $("warning").textContent = state.testWarning;
  $("warning").hidden = !item.is_test;
  showLabel($("label"), item.label, item.label_probability);
  showLabel($("proposed"), item.proposed, item.proposed_probability);
  $("then").classList.toggle("none", !item.proposed);
  $("why").textContent = [item.why, earlier(item.latest)].filter(Boolean).join("; ");
  $("keep").disabled = !item.label;
  $("now").classList.toggle("none", !item.label);
  $("change").disabled = !item.proposed || item.proposed === item.label;
  $("change").lastElementChild.textContent = item.proposed ? `${item.label ? "change to" : "label as"} ${item.proposed}` : "change";
  for (const button of $("classes").children) button.disabled = button.dataset.label === item.label;
  showNear(item);
}

function showLabel(place, label, probability) {
  place.textContent = label;
  if (probability !== null) place.append(element("small", `probability ${percent(probability)}`));
}

function percent(probability) {
  if (probability < 0.001) return "below 0.1 %";
  return probability > 0.999 ? "above 99.9 %" : `${(100 * probability).toFixed(1)} %`;
}

function earlier(latest) {
  return latest ? `${latest.who} has decided before (${latest.action}, ${latest.time.slice(0, 10)})` : "";
}

async function showNear(item) {
  const near = $("near");
  near.replaceChildren();
  near.classList.toggle("beside", item.beside.length > 0);
  if (item.beside.length) {
    near.append(strip("Compare with", item.beside.map((other) => ({ ...other, note: `${other.label} · ${other.image}` })), "image"));
    return;
  }
  const answer = await neighboursOf(item);
  if (state.items[0] !== item || !answer) return;
  if (answer.fault) {
    near.append(element("p", answer.fault));
    return;
  }
  near.replaceChildren(...answer.neighbours.map(({ label, images }) => strip(
    `Nearest of ${label}`, images.map((each) => ({ ...each, note: `${each.similarity.toFixed(2)} · ${each.image}` })), "square",
  )));
}

function strip(title, pictures, kind) {
  const section = element("section");
  const list = element("ul");
  for (const each of pictures) {
    const line = element("li");
    const picture = new Image();
    picture.src = `/${kind}/${each.row}`;
    picture.alt = `${each.label}: ${each.image}`;
    picture.title = each.image;
    if (each.row !== null) line.append(picture);
    line.append(each.note);
    list.append(line);
  }
  section.append(element("h3", title), list);
  return section;
}

function element(name, text = "") {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}

// What is loaded ahead

function pictureOf(item) {
  if (!state.pictures.has(item.image)) {
    const picture = new Image();
    picture.alt = item.row === null && !item.recorded ? "this image was not read yet: run `make retrain`" : `the image ${item.image}`;
    picture.addEventListener("load", () => picture.classList.toggle("small", picture.naturalWidth < 200));
    picture.addEventListener("error", () => { picture.alt = "this image cannot be shown"; });
    if (item.recorded) picture.src = `/recorded/${item.recorded}`;
    else if (item.row !== null) picture.src = `/image/${item.row}`;
    state.pictures.set(item.image, picture);
  }
  return state.pictures.get(item.image);
}

function neighboursOf(item) {
  if (item.row === null || item.beside.length) return null;
  const key = [item.image, item.label, item.proposed].join("\n");
  if (!state.neighbours.has(key)) {
    const query = new URLSearchParams({ label: item.label, proposed: item.proposed });
    const loading = ask(`/api/neighbours/${item.row}?${query}`).catch((error) => ({ fault: error.message }));
    state.neighbours.set(key, loading);
  }
  return state.neighbours.get(key);
}

function forgetOthers() {
  const kept = new Set(state.items.map((item) => item.image));
  for (const image of state.pictures.keys()) if (!kept.has(image)) state.pictures.delete(image);
  for (const key of state.neighbours.keys()) if (!kept.has(key.split("\n")[0])) state.neighbours.delete(key);
}

// Classes, queues, person

function showClasses() {
  $("classes").replaceChildren(...[...state.digits].map(([digit, label]) => {
    const button = element("button");
    button.dataset.label = label;
    button.append(element("kbd", digit), element("span", label));
    button.addEventListener("click", () => decide("change", label));
    return button;
  }));
}

// The digit of a class is its place, but never the name of another class.
function digitsOf(classes) {
  const named = classes.filter((label) => /^[0-9]$/.test(label));
  if (named.length) return new Map(named.map((label) => [label, label]));
  return new Map(classes.slice(0, NUM_DIGITS).map((label, place) => [String(place + 1), label]));
}

function openList() {
  if (!state.items.length) return;
  $("filter").value = "";
  filterList();
  $("list-dialog").showModal();
  $("filter").focus();
}

function filterList() {
  const part = $("filter").value.trim().toLowerCase();
  const found = state.classes.filter((label) => label.toLowerCase().includes(part) && label !== state.items[0].label);
  $("all-classes").replaceChildren(...found.map((label) => {
    const line = element("li");
    const button = element("button", label);
    button.addEventListener("click", () => choose(label));
    line.append(button);
    return line;
  }));
}

function choose(label) {
  $("list-dialog").close();
  decide("change", label);
}

async function loadOverview() {
  const overview = await ask("/api/overview", asked());
  state.classes = overview.classes;
  state.digits = digitsOf(state.classes);
  state.testWarning = overview.test_warning;
  $("queue").replaceChildren(...overview.queues.map(({ name, title }) => {
    const option = element("option", title);
    option.value = name;
    return option;
  }));
  showClasses();
  return overview.queues.map((queue) => queue.name);
}

function setPerson(name) {
  state.who = name;
  sessionStorage.setItem("who", name);
  $("person").textContent = `as ${name}`;
}

function openQueue(name) {
  return alone(async () => {
    state.queue = name;
    $("queue").value = name;
    state.items = [];
    state.progress = { total: 0, open: 0, skipped: 0 };
    $("item").hidden = true;
    $("done").hidden = false;
    $("done").textContent = "The queue is being made ...";
    try {
      await loadNext();
      say("");
    } catch (error) {
      $("done").textContent = "This queue cannot be shown.";
      throw error;
    }
  });
}

// Keys and clicks

const KEYS = {
  k: () => decide("keep"),
  c: () => decide("change", state.items[0]?.proposed),
  Enter: () => decide("change", state.items[0]?.proposed),
  x: () => decide("exclude"),
  s: () => decide("skip"),
  u: undo,
  l: openList,
  "?": () => $("help").showModal(),
};

function onKey(event) {
  const inField = event.target.closest?.("input, select, dialog") || (event.key === "Enter" && event.target.closest?.("button"));
  if (inField || event.repeat || event.ctrlKey || event.altKey || event.metaKey) return;
  const label = state.digits.get(event.key);
  const act = label === undefined ? KEYS[event.key] : () => decide("change", label);
  if (!act) return;
  event.preventDefault();
  act();
}

function connect() {
  document.addEventListener("keydown", onKey);
  addEventListener("pagehide", release);
  const ids = { keep: "k", change: "c", exclude: "x", skip: "s", undo: "u", list: "l", "help-button": "?" };
  for (const [id, key] of Object.entries(ids)) $(id).addEventListener("click", () => { $(id).blur(); KEYS[key](); });
  $("queue").addEventListener("change", () => { $("queue").blur(); openQueue($("queue").value); });
  $("filter").addEventListener("input", filterList);
  $("filter").addEventListener("keydown", (event) => {
    const first = $("all-classes").querySelector("button");
    if (event.key !== "Enter" || !first) return;
    event.preventDefault();
    choose(first.textContent);
  });
  $("person").addEventListener("click", () => { $("name").value = state.who; $("person-dialog").returnValue = ""; $("person-dialog").showModal(); });
  $("person-dialog").addEventListener("close", () => {
    const name = $("name").value.trim();
    if (name && $("person-dialog").returnValue === "ok") setPerson(name);
  });
  $("name").addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault(); // the button that gets the focus back would open the dialog again
    $("person-dialog").close("ok");
  });
}

// The images of a window that is closed go to others at once.
function release() {
  const options = { method: "POST", keepalive: true, headers: { "content-type": "application/json" } };
  fetch("/api/release", { ...options, body: JSON.stringify(asked()) });
}

async function start() {
  const wanted = new URLSearchParams(location.search).get("queue");
  history.replaceState(null, "", "/"); // the token leaves the address
  connect();
  try {
    setPerson(sessionStorage.getItem("who") ?? (await ask("/api/person")).who);
    const names = await loadOverview();
    await openQueue(names.includes(wanted) ? wanted : names[0]);
  } catch (error) {
    say(error.message, true);
  }
}

start();
