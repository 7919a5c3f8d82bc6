// Keep a draft in this browser, so that it survives a page that was left by accident, until it is sent or discarded.
const PREFIX = "draft:";
const SENT = "draft-sent";
const KEEP_DAYS = 14;

const fields = (form) => [...form.querySelectorAll("textarea, input:not([type=hidden]):not([type=password]), select")].filter((one) => one.name);
const storeOf = (form) => PREFIX + new URL(form.action).pathname + (form.elements.template ? `?${form.elements.template.value}` : "");
const isBox = (one) => one.type === "checkbox";
const wasTouched = (one) => (isBox(one) ? one.checked !== one.defaultChecked : one.nodeName === "SELECT" ? ![...one.options].every((o) => o.selected === o.defaultSelected) : one.value !== one.defaultValue);

function stored(key) {
  try { return JSON.parse(localStorage.getItem(key) ?? "null"); } catch { return null; }
}

function put(key, value) {
  try { localStorage.setItem(key, value); } catch { /* full, or not allowed: the page itself still holds what was typed */ }
}

function forget(which) {
  Object.keys(localStorage).filter((key) => key.startsWith(PREFIX) && which(key)).forEach((key) => localStorage.removeItem(key));
}

export function keepDrafts() {
  try { localStorage.getItem(SENT); } catch { return; }
  settle();
  for (const form of document.querySelectorAll("form[data-draft]")) keep(form);
  for (const form of document.querySelectorAll("form[data-forget]")) form.addEventListener("submit", () => forget(() => true));
}

// Delete a sent draft once the next page shows no error.
function settle() {
  const sent = sessionStorage.getItem(SENT);
  sessionStorage.removeItem(SENT);
  if (sent && !document.querySelector("main [role=alert]")) localStorage.removeItem(sent);
  const oldest = Date.now() - KEEP_DAYS * 86_400_000;
  forget((key) => !((stored(key)?.at ?? 0) > oldest));
}

function keep(form) {
  const key = storeOf(form);
  const names = () => fields(form).map((one, place) => [`${one.name} ${place}`, one]);
  restore(form, key, names());
  form.addEventListener("input", () => {
    const touched = names().filter(([, one]) => wasTouched(one)).map(([name, one]) => [name, isBox(one) ? one.checked : one.value]);
    if (touched.length) put(key, JSON.stringify({ at: Date.now(), values: Object.fromEntries(touched) }));
    else localStorage.removeItem(key);
  });
  form.addEventListener("submit", (event) => {
    if (event.submitter?.value !== "preview") sessionStorage.setItem(SENT, key);
  });
}

function restore(form, key, named) {
  const kept = stored(key);
  const values = kept?.values ?? {};
  const missing = named.filter(([name, one]) => name in values && (isBox(one) ? one.checked : one.value) !== values[name]);
  if (!missing.length || form.querySelector("[role=alert]")) return;
  for (const [name, one] of missing) {
    if (isBox(one)) one.checked = values[name] === true;
    else one.value = String(values[name]);
  }
  form.prepend(note(key, () => { form.reset(); }));
}

function note(key, reset) {
  const said = document.createElement("p");
  const drop = document.createElement("button");
  said.className = "kept";
  said.setAttribute("role", "status");
  said.append("What you had written here was kept. ", drop);
  drop.type = "button";
  drop.className = "quiet";
  drop.textContent = "Throw it away";
  drop.addEventListener("click", () => { localStorage.removeItem(key); reset(); said.remove(); });
  return said;
}
