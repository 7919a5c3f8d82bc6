"""The pages for people. They work without JavaScript, in light and dark, on a phone and on a large
screen.

Properties:
- all text is escaped, and Markdown is rendered without HTML;
- nothing is loaded from another host (the content security policy forbids it);
- a form is accepted only from these pages.
"""
