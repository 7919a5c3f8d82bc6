"""The regular expressions of the markup scanner: where a construct may begin, and what each one is.

Properties: every repetition is possessive or looks for one fixed end, so no text makes a search try
twice; in each pattern a construct ends too late rather than too early, because the scanner hides
what it takes."""

import re

_STRING = r"""(?:"(?:[^"\\]|\\.)*+"|'(?:[^'\\]|\\.)*+')"""
_TITLE = rf"(?:{_STRING}|\((?:[^()\\]|\\.)*+\))"
_TARGET = r"(?P<target><[^<>\n]*+>|(?!<)[^ \t\n]++)"
_ADDRESS = (
    r"(?:[^ \t\n()\\]|\\[^ \t\n]?|\((?:[^ \t\n()\\]|\\[^ \t\n]?|\((?:[^ \t\n()\\]|\\[^"
    r" \t\n]?)*+\))*+\))*+"
)
_LEAD = r"[ \t>]*+(?:(?:[-*+]|[0-9]{1,9}[.)])[ \t]++[ \t>]*+)*+"
_LAZY = (
    rf"(?:\n(?!{_LEAD}(?:\n|\Z|\[[^\[\]\n]++\]:|`{{3}}|~{{3}})|(?:[-*+]|[0-9]{{1,9}}[.)])["
    r" \t]|#{1,6}[ \t]|>)"
    r"[^\n]++)*+"
)
_LABELLED = r"\[(?:[^\[\]\\]|\\.)++\]:"
OPENS_LINE = re.compile(rf"(?={_LEAD}(?:{_LABELLED}|```|~~~))", re.DOTALL)
BEGINS = re.compile(
    rf"\n(?={_LEAD}(?:{_LABELLED}|```|~~~))"
    # an escape matters before what could begin something
    r"|\\(?=[\\`<&!\]])"
    r"|`"
    r"|<(?=[A-Za-z/!?]|[^\s<>@\"']++@)(?!/?(?:details|summary|kbd|b|i|p|br|sub|sup|code|em|strong|div|pre|table|tr|td|th)>)"
    r"|&(?!(?:amp|lt|gt|quot);)(?=[#A-Za-z][0-9A-Za-z]{1,31};)"
    r"|!\["
    # a plain link has nothing to hide
    r"|\](?=\()(?!\(https?://[^\s()<>]{0,500}+\))",
    re.DOTALL,
)
"""Where a construct may begin. Each alternative is the least that its readers need, and begins with
one character of its own, so that the search skips to the next of these."""
FENCE_LINE = re.compile(
    rf"(?P<mark>{_LEAD}(?:`{{3,}}+|~{{3,}}+)["
    r" \t]*+(?:[A-Za-z0-9+#.-]{1,20}+(?=\s|\Z))?)(?P<info>[^\n]*+)"
)
DRAWN = re.compile(r"[`~]{3,}+[ \t]*+(?:mermaid|geojson|topojson|stl|math)\b", re.IGNORECASE)
FENCE_END = re.compile(rf"\n{_LEAD}(?:`{{3}}|~{{3}})[^\n]*+")
BACKTICKS = re.compile(r"`++")
COMMENT = re.compile(r"<!--(?:-?>|(?P<text>.*?)(?:-->|\Z))", re.DOTALL)
DECLARATION = re.compile(
    r"<(?:\?.*?(?:\?>|\Z)|!\[CDATA\[.*?(?:\]\]>|\Z)|![A-Za-z][^>]*+>?)", re.DOTALL
)
BOGUS = re.compile(r"<(?:![^A-Za-z-]|/[^A-Za-z])[^>]*+>?")
ENDS_EARLY = re.compile(r"<(?:\?|!\[CDATA\[|!--.*?--!(?=>))[^>]*+>(?=.*?<)", re.DOTALL)
BLOCK_INSIDE = re.compile(
    rf"\n{_LEAD}(?:`{{3}}|~{{3}}|<(?:!--|\?|![A-Za-z\[]|(?:pre|script|style|textarea)\b))",
    re.IGNORECASE,
)
CONTAINER = re.compile(r"[ \t]*+(?:(?:>|[-*+]|[0-9]{1,9}[.)])[ \t]*+)++")
BLANK_LINE = re.compile(r"\n[ \t>]*+\n")
UNSEEN = re.compile(
    r"<(?P<name>script|style|template|textarea|title|iframe|noembed|noframes|noscript|xmp)\b"
    r"(?P<text>.*?)(?:</(?P=name)\b[^>]*+>|\Z)",
    re.DOTALL | re.IGNORECASE,
)
CLOSED = re.compile(
    r"<(?P<name>svg|math|object|audio|video|canvas|datalist|dialog|select|map|head|applet)\b"
    r".*?</(?P=name)\b[^>]*+(?:>|\Z)",
    re.DOTALL | re.IGNORECASE,
)
DRAWN_END = re.compile(
    r"</(svg|math|object|audio|video|canvas|datalist|dialog|select|map|head|applet)\b",
    re.IGNORECASE,
)
NAME = re.compile("[A-Za-z]++")
RUBY_SPARE = re.compile(r"<rp\b.*?(?=</?r[pt]\b|</ruby\b|\Z)", re.DOTALL | re.IGNORECASE)
AUTOLINK = re.compile(r"<(?:[A-Za-z][A-Za-z0-9+.-]{1,31}:[^\s<>]*+|[^\s<>@\"']++@[^\s<>@\"']++)>")
TAG = re.compile(
    r"""<(?P<name>/?[A-Za-z][A-Za-z0-9-]*+)(?P<attributes>(?:[^<>"']|"[^"]*+"|'[^']*+')*+)>"""
)
ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
IMAGE = re.compile(
    r"!\[(?P<alt>(?:[^\[\]\\]|\\.|\[(?:[^\[\]\\]|\\.)*+\])*+)\]"
    r"(?:\[[^\[\]]*+\])?(?:\((?P<to>(?:["
    rf" \t\n]++{_STRING}|[^()\\]|\\.|\((?:[^()\\]|\\.)*+\))*+)\))?",
    re.DOTALL,
)
IMAGE_END = re.compile(r"\](?:\[[^\[\]\n]*+\](?:\([^()\n]*+\))?|\([^()\n]*+\))")
LINK_TITLE = re.compile(
    rf"\]\([ \t\n]*+(?P<target><[^<>\n]*+>|(?!<){_ADDRESS})[ \t\n]++(?P<title>{_TITLE})[ \t\n]*+\)",
    re.DOTALL,
)
ODD_TITLE = re.compile(rf"\]\([ \t\n]*+[^ \t\n]*+[ \t\n]++{_TITLE}[ \t\n]*+\)", re.DOTALL)
TITLE_BEGINS = re.compile(r"[ \t\n]++([\"'(]?)")
LINK_ADDRESS = re.compile(r"\]\([ \t\n]*+(?=[^ \t\n])")
LINK_WORDS = re.compile(r"\]\([ \t\n]*+(?P<target><[^<>\n]*+>)[ \t\n]*+\)")
NOTE = re.compile(
    rf"{_LEAD}\[(?P<label>\^[^\[\]\s]++)\]:(?P<text>[^\n]*+{_LAZY}"
    rf"(?:(?:\n[ \t]*+(?=\n))*+\n(?: {{2,}}+|\t)[^\n]++{_LAZY})*+)"
)
DEFINITION = re.compile(
    rf"(?P<lead>{_LEAD})\[(?P<label>(?:[^\[\]\\]|\\.)++)\]:[ \t]*+(?:\n[ \t>]*+)?{_TARGET}"
    rf"(?:(?:[ \t]++|[ \t]*+\n[ \t>]*+)(?P<title>{_TITLE}))?[ \t]*+(?=\n|\Z)",
    re.DOTALL,
)
TAGS = frozenset(
    re.findall(
        r"\w+",
        """
    a abbr article aside b bdi bdo blockquote br caption center cite code col colgroup dd del details dfn div dl dt em
    figcaption figure font footer h1 h2 h3 h4 h5 h6 header hr i img ins kbd li main mark nav ol p picture pre q rt
    ruby s samp section small source span strike strong sub summary sup table tbody td tfoot th thead time tr tt u ul
    var wbr""",  # noqa: E501
    )
)
