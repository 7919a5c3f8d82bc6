"""The script that lets a Chromium without a window answer a page like a browser with a user.

Pages were seen to recognise such a browser by each mark that the script hides: no plug-ins,
notifications that are denied and may be asked for at the same time, a software graphics card, a
screen as large as the page, a pointer with the same place on both, no voices, no touch. An app that
uses one of these marks treats the two visitors differently, and for that it fails.

The script need not deceive everybody: a worker's graphics card and timing still give it away. Touch
is claimed by the script alone, because with the browser's own touch emulation a page would show its
layout for phones."""

from __future__ import annotations

import json

from validators.domain.device import Device

# The window's corner on the screen, and the height of the desktop's bar, in pixels.
_WINDOW = (64, 36)
_BAR = 32
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
  // The browser's own getter still runs first: it throws where it would, and still prints as native code.
  const answers = (kind, name, answer) => {
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
  answers(Navigator.prototype, 'plugins', () => plugins);
  answers(Navigator.prototype, 'mimeTypes', () => mimes);
  answers(Navigator.prototype, 'pdfViewerEnabled', () => true);
  answers(Navigator.prototype, 'hardwareConcurrency', () => 8);
  answers(window.NetworkInformation && NetworkInformation.prototype, 'rtt', () => 50);
  answers(window.Notification, 'permission', real => real === 'denied' ? 'default' : real);
  answers(Screen.prototype, 'availHeight', real => real - given.bar);
  for (const name of ['screenX', 'screenLeft']) answers(window, name, real => real + given.left);
  for (const name of ['screenY', 'screenTop']) answers(window, name, real => real + given.top);
  answers(MouseEvent.prototype, 'screenX', (real, event) => event.isTrusted ? real + given.left + 4 : real);
  answers(MouseEvent.prototype, 'screenY', (real, event) => event.isTrusted ? real + given.top + 81 : real);
  for (const kind of [window.WebGLRenderingContext, window.WebGL2RenderingContext])
    if (kind) kind.prototype.getParameter = new Proxy(kind.prototype.getParameter, {
      apply: (get, self, asked) => {
        const real = Reflect.apply(get, self, asked);
        return real && given.card[asked[0]] || real;
      }});
  answers(Navigator.prototype, 'maxTouchPoints', () => given.touches);
  // Touch handlers: stored and given back like any other, though no touch ever comes.
  const handlerOf = (kind, name, like) => {
    const own = Object.getOwnPropertyDescriptor(kind, like), values = new WeakMap();
    if (!own || !own.get || Object.getOwnPropertyDescriptor(kind, name)) return;
    Object.defineProperty(kind, name, {...own,
      get: new Proxy(own.get, {apply: (get, self) => (Reflect.apply(get, self, []), values.get(self || window) || null)}),
      set: new Proxy(own.set, {apply: (set, self, [value]) => {
        values.set(self || window, typeof value === 'function' ? value : null); }})});
  };
  if (given.touches) for (const name of ['ontouchstart', 'ontouchmove', 'ontouchend', 'ontouchcancel'])
    for (const kind of [window, Document.prototype, HTMLElement.prototype, SVGElement.prototype]) handlerOf(kind, name, 'onclick');
  if (window.SpeechSynthesisVoice) {
    const voices = given.voices.map(([name, lang, localService], index) => one(SpeechSynthesisVoice,
      {voiceURI: name, name, lang, localService, default: index === 0}));
    SpeechSynthesis.prototype.getVoices = new Proxy(SpeechSynthesis.prototype.getVoices, {
      apply: (get, self, none) => { const real = Reflect.apply(get, self, none); return real.length ? real : [...voices]; }});
    // An utterance accepts none but the browser's own voices, so ours are remembered beside it.
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
})()"""  # noqa: E501


def fingerprint_script(device: Device) -> str:
    """The script that runs in every document of a masked visitor, before the document's own."""
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
