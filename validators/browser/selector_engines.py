"""Questions that only the page's own elements answer, asked where the page cannot listen.

Each is a selector engine (https://playwright.dev/python/docs/extensibility), registered as a
content script: it runs in an isolated world, in which nothing that a page has redefined is so. None
of them writes anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.async_api import Playwright

# What stands in a heading's section: after it in the document, before the next heading of its own
# or a higher level.
_UNDER = """
  const level = e => {
    const role = e.getAttribute('role');
    if (role ? role !== 'heading' : !/^H[1-6]$/.test(e.tagName)) return 0;
    return +(e.getAttribute('aria-level') || (/^H[1-6]$/.test(e.tagName) ? e.tagName[1] : 2)); };
  const own = level(root) || 2, found = [];
  const walk = root.ownerDocument.createTreeWalker(root.ownerDocument.documentElement, NodeFilter.SHOW_ELEMENT);
  walk.currentNode = root;
  for (let e = walk.nextNode(); e; e = walk.nextNode()) {
    if (root.contains(e)) continue;
    if (level(e) && level(e) <= own && e.checkVisibility()) break;
    found.push(e);
  }
  return found;"""

# What defines a term: every <dd> between its <dt> and the next.
_DEFINES = """
  const found = [];
  for (let e = root.nextElementSibling; e && e.tagName !== 'DT'; e = e.nextElementSibling)
    if (e.tagName === 'DD' || e.getAttribute('role') === 'definition') found.push(e);
  return found;"""

# A header cell by what a person calls it: its text or that of a link or button in it, without
# pictures and arrows.
_NAMES = r"""
  const wanted = decodeURIComponent(body);
  const text = e => [...e.childNodes].map(n => n.nodeType === 3 ? n.data
    : n.nodeType !== 1 || /^(svg|img|script|style|template)$/i.test(n.tagName) || !n.checkVisibility() ? ' ' : text(n)).join('');
  const plain = told => told.replace(/\s+/gu, ' ').trim();
  const bare = told => told.replace(/^[^\p{L}\p{N}_]+|[^\p{L}\p{N}_]+$/gu, '');
  const inside = [...root.querySelectorAll('a, button, [role=button], [role=link]')];
  const so = e => [plain(text(e)), bare(plain(text(e)))].includes(wanted);
"""
_CALLED = _NAMES + "  return [root, ...inside].some(so) ? [root] : [];"

# What a person clicks who clicks a header: the one link or button that says its words, not the
# middle of the cell.
_HANDLE = (
    _NAMES
    + """
  const shown = inside.filter(e => e.checkVisibility()), saying = wanted.trim() ? shown.filter(so) : shown;
  return saying.length === 1 ? saying : [root];"""
)

# What a person sees: what has a box, or is around something that has: all of it may float, or be
# placed elsewhere.
_SHOWN = """
  const seen = e => e.checkVisibility({visibilityProperty: true});
  const box = e => { const rect = e.getBoundingClientRect(); return rect.width > 0 && rect.height > 0; };
  const clips = e => !box(e) && getComputedStyle(e).overflow !== 'visible';
  const bare = getComputedStyle(root).display === 'contents';
  const text = () => { const all = root.ownerDocument.createRange(); all.selectNodeContents(root); return all; };
  const reached = e => { for (let up = e; up !== root; up = up.parentElement) if (clips(up)) return false; return true; };
  if (seen(root) && box(root)) return [root];
  if (bare && box(text()) && getComputedStyle(root).visibility === 'visible') return [root];
  if (!seen(root) || clips(root)) return [];
  return [...root.querySelectorAll('*')].some(e => seen(e) && box(e) && reached(e)) ? [root] : [];"""

_STATE = """
  const is = (name, value) => root.getAttribute(name) === value;
  const set = name => root.hasAttribute(name) && !is(name, 'false') && !is(name, '');
  const box = root.matches('input[type=checkbox], input[type=radio]');
  const field = root.matches('input, select, textarea, [role=textbox], [role=combobox], [role=checkbox], [role=spinbutton],'
    + '[role=searchbox], [role=switch], [role=radio], [role=slider], [role=listbox], [contenteditable]');
  const disabled = root.matches(':disabled') || !!root.closest('[aria-disabled=true]');
  const details = root.tagName === 'DETAILS' ? root : root.tagName === 'SUMMARY' ? root.parentElement : null;
  const readonly = root.readOnly === true || is('aria-readonly', 'true');
  const invalid = set('aria-invalid') || root.matches(':user-invalid');
  const required = root.required === true || is('aria-required', 'true');
  const rect = root.getBoundingClientRect();
  const holds = {
    checked: box ? root.checked && !root.indeterminate : is('aria-checked', 'true'),
    unchecked: box ? !root.checked && !root.indeterminate : is('aria-checked', 'false'),
    disabled, enabled: !disabled,
    expanded: details ? details.open : is('aria-expanded', 'true'),
    collapsed: details ? !details.open : is('aria-expanded', 'false'),
    pressed: is('aria-pressed', 'true'), unpressed: is('aria-pressed', 'false'),
    selected: root.tagName === 'OPTION' ? root.selected : is('aria-selected', 'true'),
    unselected: root.tagName === 'OPTION' ? !root.selected : is('aria-selected', 'false'),
    required, optional: field && !required, invalid, valid: field && !invalid,
    readonly, editable: field && !readonly && !disabled,
    current: set('aria-current'),
    loaded: root.tagName === 'IMG' ? root.complete && root.naturalWidth > 0 : rect.width > 0 && rect.height > 0,
  };
  return holds[body] ? [root] : [];"""

# What describes an element beside its name, and what complains about it while it is invalid.
_DESCRIBES = r"""
  const told = [root.getAttribute('aria-describedby'),
    ['true', 'grammar', 'spelling'].includes(root.getAttribute('aria-invalid')) && root.getAttribute('aria-errormessage')];
  const ids = told.filter(Boolean).join(' ').split(/\s+/).filter(Boolean);
  return [...new Set(ids)].map(id => root.ownerDocument.getElementById(id)).filter(Boolean);"""

# The document, if it was answered with this HTTP status.
_ANSWERED = """
  const [asked] = root.ownerDocument.defaultView.performance.getEntriesByType('navigation');
  return asked && String(asked.responseStatus) === body ? [root] : [];"""

# The element, if a press there means what a press in its middle does. Where: pixels from the corner
# of its padding. A field's
# caret, a slider and a picture ask where they are pressed; what is no button or link may be
# anything from place to place.
_AIM = """
  const [x, y] = body.split(',').map(Number), rect = root.getBoundingClientRect(), style = getComputedStyle(root);
  const minds = 'textarea, select, canvas, svg, img, video, audio, iframe, object, embed, area, [contenteditable], [role=slider],'
    + ' input:not([type=button], [type=submit], [type=reset], [type=checkbox], [type=radio], [type=file])';
  const pressed = 'a[href], button, summary, label, input, [role=button], [role=link], [role=tab], [role=menuitem],'
    + ' [role=checkbox], [role=radio], [role=switch], [role=option]';
  const other = pressed + ', select, textarea, [onclick], [tabindex], [contenteditable]';
  if (root.matches(minds) || root.querySelector('canvas, iframe, video, object, embed')) return [];
  const hit = (left, top) => {
    const found = root.getRootNode().elementFromPoint(rect.left + left, rect.top + top);
    return found && root.contains(found) ? found : null; };
  const of = found => { let up = found; while (up !== root && !up.matches(other)) up = up.parentElement; return up; };
  const there = hit(parseFloat(style.borderLeftWidth) + x, parseFloat(style.borderTopWidth) + y);
  const middle = hit(rect.width / 2, rect.height / 2);
  if (!there || !middle) return [];
  return there === middle || (root.matches(pressed) && of(there) === root && of(middle) === root) ? [root] : [];"""

ENGINES = {
    "under": _UNDER,
    "defines": _DEFINES,
    "called": _CALLED,
    "handle": _HANDLE,
    "shown": _SHOWN,
    "state": _STATE,
    "describes": _DESCRIBES,
    "answered": _ANSWERED,
    "aim": _AIM,
}


async def register(playwright: Playwright) -> None:
    """Make the engines known to every browser that is started afterwards."""
    for name, work in ENGINES.items():
        script = (
            f"({{ queryAll(root, body) {{ {work} }}, query(root, body) {{ return"
            " this.queryAll(root, body)[0]; } })"
        )
        await playwright.selectors.register(name, script, content_script=True)
