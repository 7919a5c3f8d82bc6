"""What a person sees: plain pages that work without a script, in light and dark, on a phone and on
a desk.

Properties they keep: all text is escaped, Markdown is rendered without HTML, nothing is loaded from
anywhere else (the content security policy forbids it), and nothing is written unless the form came
from these very pages."""
