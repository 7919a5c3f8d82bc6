// Preview without leaving the page: send the same form, and take only the preview from the answer.
export function showPreviews() {
  for (const form of document.querySelectorAll("form[data-draft]")) {
    const place = form.querySelector("[data-preview]");
    const button = form.querySelector('button[value="preview"]');
    if (place && button) button.addEventListener("click", (event) => { event.preventDefault(); show(form, button, place); });
  }
}

async function show(form, button, place) {
  const sent = new URLSearchParams(new FormData(form));
  sent.append("act", "preview");
  button.setAttribute("aria-busy", "true");
  const answer = await fetch(form.action, { method: "POST", body: sent }).catch(() => null);
  button.removeAttribute("aria-busy");
  const page = answer?.ok ? new DOMParser().parseFromString(await answer.text(), "text/html") : null;
  const fresh = page?.querySelector("[data-preview]");
  if (fresh) place.replaceChildren(...document.importNode(fresh, true).childNodes);
  else place.textContent = "The preview could not be had. What you wrote is still here.";
}
