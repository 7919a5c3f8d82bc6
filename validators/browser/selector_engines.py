"""Selector engines: questions that only the elements of a page can answer.

Each is a selector engine (https://playwright.dev/python/docs/extensibility), registered as a
content script: it runs in an isolated world, where nothing is redefined by the page, and the page
cannot observe it. None of them changes the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.async_api import Playwright

# The elements in a heading's section: after it in the document, before the next heading of its own
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
  return found;"""  # noqa: E501

# The definitions of a term: every <dd> between its <dt> and the next.
_DEFINES = """
  const found = [];
  for (let e = root.nextElementSibling; e && e.tagName !== 'DT'; e = e.nextElementSibling)
    if (e.tagName === 'DD' || e.getAttribute('role') === 'definition') found.push(e);
  return found;"""

# A header cell by the name that a person gives it: its text or that of a link or button in it,
# without pictures and arrows.
_NAMES = r"""
  const wanted = decodeURIComponent(body);
  const text = e => [...e.childNodes].map(n => n.nodeType === 3 ? n.data
    : n.nodeType !== 1 || /^(svg|img|script|style|template)$/i.test(n.tagName) || !n.checkVisibility() ? ' ' : text(n)).join('');
  const plain = words => words.replace(/\s+/gu, ' ').trim();
  const bare = words => words.replace(/^[^\p{L}\p{N}_]+|[^\p{L}\p{N}_]+$/gu, '');
  const inside = [...root.querySelectorAll('a, button, [role=button], [role=link]')];
  const called = e => [plain(text(e)), bare(plain(text(e)))].includes(wanted);
"""  # noqa: E501
_CALLED = _NAMES + "  return [root, ...inside].some(called) ? [root] : [];"

# The part of a header that a person clicks: the one link or button with its words, not the middle
# of the cell.
_HANDLE = (
    _NAMES
    + """
  const shown = inside.filter(e => e.checkVisibility()), named = wanted.trim() ? shown.filter(called) : shown;
  return named.length === 1 ? named : [root];"""  # noqa: E501
)

# The elements that a person sees: those with an area, or around one that has. An element whose
# content all floats, or is placed elsewhere, has no area of its own.
_SHOWN = """
  const visible = e => e.checkVisibility({visibilityProperty: true});
  const hasArea = e => { const rect = e.getBoundingClientRect(); return rect.width > 0 && rect.height > 0; };
  const clips = e => !hasArea(e) && getComputedStyle(e).overflow !== 'visible';
  const bare = getComputedStyle(root).display === 'contents';
  const text = () => { const all = root.ownerDocument.createRange(); all.selectNodeContents(root); return all; };
  const reached = e => { for (let up = e; up !== root; up = up.parentElement) if (clips(up)) return false; return true; };
  if (visible(root) && hasArea(root)) return [root];
  if (bare && hasArea(text()) && getComputedStyle(root).visibility === 'visible') return [root];
  if (!visible(root) || clips(root)) return [];
  return [...root.querySelectorAll('*')].some(e => visible(e) && hasArea(e) && reached(e)) ? [root] : [];"""  # noqa: E501

_STATE = """
  const is = (name, value) => root.getAttribute(name) === value;
  const set = name => root.hasAttribute(name) && !is(name, 'false') && !is(name, '');
  const tickable = root.matches('input[type=checkbox], input[type=radio]');
  const field = root.matches('input, select, textarea, [role=textbox], [role=combobox], [role=checkbox], [role=spinbutton],'
    + '[role=searchbox], [role=switch], [role=radio], [role=slider], [role=listbox], [contenteditable]');
  const disabled = root.matches(':disabled') || !!root.closest('[aria-disabled=true]');
  const details = root.tagName === 'DETAILS' ? root : root.tagName === 'SUMMARY' ? root.parentElement : null;
  const readonly = root.readOnly === true || is('aria-readonly', 'true');
  const invalid = set('aria-invalid') || root.matches(':user-invalid');
  const required = root.required === true || is('aria-required', 'true');
  const rect = root.getBoundingClientRect();
  const holds = {
    checked: tickable ? root.checked && !root.indeterminate : is('aria-checked', 'true'),
    unchecked: tickable ? !root.checked && !root.indeterminate : is('aria-checked', 'false'),
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
  return holds[body] ? [root] : [];"""  # noqa: E501

# The description of an element, and its error message while it is invalid.
_DESCRIBES = r"""
  const references = [root.getAttribute('aria-describedby'),
    ['true', 'grammar', 'spelling'].includes(root.getAttribute('aria-invalid')) && root.getAttribute('aria-errormessage')];
  const ids = references.filter(Boolean).join(' ').split(/\s+/).filter(Boolean);
  return [...new Set(ids)].map(id => root.ownerDocument.getElementById(id)).filter(Boolean);"""  # noqa: E501

# The document, if the app answered with this HTTP status.
_ANSWERED = """
  const [navigation] = root.ownerDocument.defaultView.performance.getEntriesByType('navigation');
  return navigation && String(navigation.responseStatus) === body ? [root] : [];"""

# The element, if a press at a place has the same effect as one in its middle. The place is in
# pixels from the corner of its padding. To a field's caret, a slider and a picture the place
# matters; an element that is neither button nor link may differ from place to place.
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
  return there === middle || (root.matches(pressed) && of(there) === root && of(middle) === root) ? [root] : [];"""  # noqa: E501

# The element, if words stand nearer to it than to any other of its kind: in the smallest element
# around it that holds them, there is no other of its kind.
_BESIDE = r"""
  const pattern = new RegExp(decodeURIComponent(body));
  const text = e => (e.innerText || e.value || e.getAttribute('aria-label') || '').replace(/\s+/gu, ' ').trim();
  const kind = e => [e.tagName, e.getAttribute('role'), e.getAttribute('type'), e.matches('input, textarea, select') ? '' : text(e)].join();
  const own = kind(root), mine = text(root);
  for (let up = root.parentElement; up; up = up.parentElement) {
    const others = [...up.querySelectorAll(root.tagName)].filter(e => e !== root && !root.contains(e) && e.checkVisibility());
    if (others.some(e => kind(e) === own)) return [];
    const around = (up.innerText || '').replace(/\s+/gu, ' ');
    if (pattern.test(around.replace(mine, ' '))) return [root];
  }
  return [];"""  # noqa: E501

# The link, if it leads to this path of the app; a wanted query has the same parameters in any
# order. To another host, it is the whole address. A link in a drawing has its address in `baseVal`;
# an address that cannot be read leads nowhere.
_LEADS = """
  const wanted = decodeURIComponent(body), here = root.ownerDocument.location;
  const href = root.href && (root.href.baseVal ?? root.href), base = root.ownerDocument.baseURI;
  if (!href || !URL.canParse(href, base)) return [];
  const there = new URL(href, base), asked = new URL(wanted, here.origin);
  const plain = path => { try { return decodeURIComponent(path); } catch { return path; } };
  const parameters = url => JSON.stringify([...url.searchParams].sort());
  const same = there.origin === asked.origin && plain(there.pathname) === plain(asked.pathname)
    && (!wanted.includes('?') || parameters(there) === parameters(asked));
  return same ? [root] : [];"""

ENGINES = {
    "beside": _BESIDE,
    "leads": _LEADS,
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
