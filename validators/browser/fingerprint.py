"""What a page can ask of a browser that somebody sits before, where Chromium without a window
answers otherwise.

Each line is a mark by which pages were seen to know such a browser: no plug-ins, notifications that
are refused and may be asked for at the same time, a graphics card of software, a screen as large as
the page, a pointer that says the same place on both, no voices, no touch. The masked visitor
answers like a person's; so a page that goes by one of them answers the two visitors differently,
and that is what fails. It need not deceive everybody: a worker's own graphics card and rhythm still
tell, and a screen that feels touch is told of by scripts alone, since with what the browser has for
it a page would become one for phones."""

from __future__ import annotations

import json

from validators.domain.device import Device

_WINDOW = (64, 36)  # where the window's corner is on it
_BAR = 32  # of the desktop, in pixels
_CARD = {
    "37445": "Google Inc. (Intel)",
    "37446": "ANGLE (Intel, Mesa Intel(R) UHD Graphics 620 (KBL GT2), OpenGL 4.6)",
}
_VIEWERS = (
    "PDF Viewer",
    "Chrome PDF Viewer",
    "Chromium PDF Viewer",
    "Microsoft Edge PDF Viewer",
    "WebKit built-in PDF",
)
_TYPES = ("application/pdf", "text/pdf")

_SCRIPT = """(() => {
  const given = JSON.parse(%s);
  // The browser's own getter still runs first, so that it complains where it would, and still calls itself native.
  const told = (kind, name, answer) => {
    const own = kind && Object.getOwnPropertyDescriptor(kind, name);
    if (own && own.get) Object.defineProperty(kind, name, {...own, get: new Proxy(own.get, {
      apply: (get, self, none) => answer(Reflect.apply(get, self, none), self)})});
  };
  const named = (kind, items, key) => {
    const all = Object.create(kind.prototype);
    items.forEach((item, index) => {
      Object.defineProperty(all, index, {value: item, enumerable: true});
      Object.defineProperty(all, item[key], {value: item});
    });
    const own = {length: items.length, item: index => items[index] || null, namedItem: name => all[name] || null,
      refresh: () => undefined, [Symbol.iterator]: () => items[Symbol.iterator]()};
    for (const name of Reflect.ownKeys(own)) Object.defineProperty(all, name, {value: own[name]});
    return all;
  };
  const one = (kind, facts) => Object.create(kind.prototype,
    Object.fromEntries(Object.entries(facts).map(([name, value]) => [name, {value, enumerable: true}])));
  const types = given.types.map(type => one(MimeType, {type, suffixes: 'pdf', description: 'Portable Document Format'}));
  const viewers = given.viewers.map(name => one(Plugin, {name, filename: 'internal-pdf-viewer', length: types.length,
    description: 'Portable Document Format', 0: types[0], 1: types[1]}));
  types.forEach(type => Object.defineProperty(type, 'enabledPlugin', {value: viewers[0]}));
  const plugins = named(PluginArray, viewers, 'name'), mimes = named(MimeTypeArray, types, 'type');
  told(Navigator.prototype, 'plugins', () => plugins);
  told(Navigator.prototype, 'mimeTypes', () => mimes);
  told(Navigator.prototype, 'pdfViewerEnabled', () => true);
  told(Navigator.prototype, 'hardwareConcurrency', () => 8);
  told(window.NetworkInformation && NetworkInformation.prototype, 'rtt', () => 50);
  told(window.Notification, 'permission', real => real === 'denied' ? 'default' : real);
  told(Screen.prototype, 'availHeight', real => real - given.bar);
  for (const name of ['screenX', 'screenLeft']) told(window, name, real => real + given.left);
  for (const name of ['screenY', 'screenTop']) told(window, name, real => real + given.top);
  told(MouseEvent.prototype, 'screenX', (real, event) => event.isTrusted ? real + given.left + 4 : real);
  told(MouseEvent.prototype, 'screenY', (real, event) => event.isTrusted ? real + given.top + 81 : real);
  for (const kind of [window.WebGLRenderingContext, window.WebGL2RenderingContext])
    if (kind) kind.prototype.getParameter = new Proxy(kind.prototype.getParameter, {
      apply: (get, self, asked) => {
        const real = Reflect.apply(get, self, asked);
        return real && given.card[asked[0]] || real;
      }});
  told(Navigator.prototype, 'maxTouchPoints', () => given.touches);
  // Handlers of what never comes: kept, and given back.
  const kept = (kind, name, like) => {
    const own = Object.getOwnPropertyDescriptor(kind, like), values = new WeakMap();
    if (!own || !own.get || Object.getOwnPropertyDescriptor(kind, name)) return;
    Object.defineProperty(kind, name, {...own,
      get: new Proxy(own.get, {apply: (get, self) => (Reflect.apply(get, self, []), values.get(self || window) || null)}),
      set: new Proxy(own.set, {apply: (set, self, [value]) => {
        values.set(self || window, typeof value === 'function' ? value : null); }})});
  };
  if (given.touches) for (const name of ['ontouchstart', 'ontouchmove', 'ontouchend', 'ontouchcancel'])
    for (const kind of [window, Document.prototype, HTMLElement.prototype, SVGElement.prototype]) kept(kind, name, 'onclick');
  if (window.SpeechSynthesisVoice) {
    const voices = given.voices.map(([name, lang, localService], index) => one(SpeechSynthesisVoice,
      {voiceURI: name, name, lang, localService, default: index === 0}));
    SpeechSynthesis.prototype.getVoices = new Proxy(SpeechSynthesis.prototype.getVoices, {
      apply: (get, self, none) => { const real = Reflect.apply(get, self, none); return real.length ? real : [...voices]; }});
    // An utterance takes none but the browser's own.
    const own = Object.getOwnPropertyDescriptor(SpeechSynthesisUtterance.prototype, 'voice'), chosen = new WeakMap();
    Object.defineProperty(SpeechSynthesisUtterance.prototype, 'voice', {...own,
      get: new Proxy(own.get, {apply: (get, self) => {
        const real = Reflect.apply(get, self, []);
        return chosen.get(self) || real; }}),
      set: new Proxy(own.set, {apply: (set, self, [voice]) => {
        const ours = voices.includes(voice);
        Reflect.apply(set, self, [ours ? null : voice]);
        chosen.set(self, ours ? voice : null); }})});
  }
  if (!window.chrome) Object.defineProperty(window, 'chrome', {writable: true, enumerable: true,
    value: {app: {isInstalled: false}, csi: () => ({}), loadTimes: () => ({})}});
})()"""


def fingerprint_script(device: Device) -> str:
    """The script for every document of a masked visitor, before its own."""
    voices = [[voice.name, voice.language, voice.local] for voice in device.voices]
    given = {
        "touches": device.touches,
        "voices": voices,
        "card": _CARD,
        "viewers": _VIEWERS,
        "types": _TYPES,
        "left": _WINDOW[0],
        "top": _WINDOW[1],
        "bar": _BAR,
    }
    return _SCRIPT % json.dumps(json.dumps(given))
