// Makes one element like another in the fewest steps, and reports what is new.
//
// Kept: the element that has the focus, what was typed or ticked, what was opened or closed, and whatever is marked with
// data-keep while it is open.
const NEW = "came";

const key = (node) => (node.nodeType === Node.ELEMENT_NODE && node.id ? `${node.nodeName}#${node.id}` : "");
const alike = (one, other) => one.nodeType === other.nodeType && one.nodeName === other.nodeName && key(one) === key(other);
const isBusy = (node) => node.dataset?.keep !== undefined && (node.open || node.contains(document.activeElement));

export function adopt(here, there, say) {
  if (isBusy(here) || there.dataset.same !== undefined) return;
  attributes(here, there, say);
  if (here.nodeName !== "TEXTAREA") children(here, there, say);
}

function attributes(here, there, say) {
  if (there.dataset.news && (here.dataset.news !== there.dataset.news || here.dataset.mark !== there.dataset.mark)) say(there.dataset.news);
  for (const { name } of [...here.attributes]) {
    if (!there.hasAttribute(name) && !(name === "open" && here.nodeName === "DETAILS") && name !== "class") here.removeAttribute(name);
  }
  for (const { name, value } of there.attributes) {
    if (name === "open" && here.nodeName === "DETAILS") continue;
    if (here.getAttribute(name) !== value) here.setAttribute(name, value);
  }
}

function children(here, there, say) {
  const keyed = new Map([...here.childNodes].filter(key).map((node) => [key(node), node]));
  const wanted = [...there.childNodes];
  let at = here.firstChild;
  wanted.forEach((one, place) => {
    at = skipped(at, one, wanted.slice(place + 1));
    const known = key(one) ? keyed.get(key(one)) : at && alike(at, one) ? at : null;
    if (!known) {
      here.insertBefore(fresh(one, say), at);
      return;
    }
    if (known === at) at = at.nextSibling;
    else here.insertBefore(known, at);
    renewed(known, one, say);
  });
  while (at) at = removed(at);
}

// What stands between here and the element that is wanted goes, when nothing that comes could be it.
function skipped(at, one, rest) {
  if (!at || one.nodeType !== Node.ELEMENT_NODE) return at;
  const between = [];
  let node = at;
  while (node && !alike(node, one)) {
    if (node.nodeType === Node.ELEMENT_NODE && rest.some((later) => alike(node, later))) return at;
    between.push(node);
    node = node.nextSibling;
  }
  if (!node) return at;
  between.forEach((gone) => gone.remove());
  return node;
}

function removed(node) {
  const next = node.nextSibling;
  if (!node.contains(document.activeElement)) node.remove();
  return next;
}

function renewed(known, wanted, say) {
  if (known.nodeType === Node.ELEMENT_NODE) adopt(known, wanted, say);
  else if (known.nodeValue !== wanted.nodeValue) known.nodeValue = wanted.nodeValue;
}

function fresh(one, say) {
  const made = document.importNode(one, true);
  if (made.nodeType === Node.ELEMENT_NODE) {
    const announced = [made, ...made.querySelectorAll("[data-news]")].filter((part) => part.dataset.news);
    announced.forEach((part) => { part.classList.add(NEW); say(part.dataset.news); });
  }
  return made;
}
