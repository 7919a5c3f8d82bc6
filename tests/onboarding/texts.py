"""Texts that nobody would write, for whatever reads somebody's files."""

from hypothesis import strategies as st

NASTY = st.sampled_from((
    "MUST", "NEVER", "F-SIZE", "M-NOPAY", "L-1", "{#F-SIZE}", "```yaml rule\nid: F-X\n```", "```yaml scope", "---",
    "- - -", "# ", "- ", "1. ", "> ", "<!--", "-->", "<script>", "[a](b)", "`", "``", "“", "”", '"', "'", "\\", "\t", "\r\n",
    "\n\n", "\n", " ", "0 lines", "two files", "Non-goals", "We will never", "yaml rule", "at most three hundred lines",
    "workflows/none.yaml", "at most 500 lines per pull request", "No more than 5 files in a change.",
    "Changes are at most 7 files.", "never edit `src/app.py`", "Do not touch src/ or *.lock.", "at most $9 per issue",
    "at most 99999999999999999999 lines per PR", "up to 0 files per change", "Every bug fix must come with a test.",
    "We will never take payments at most 3 lines MUST F-1.", "No accounts.", "Never commit secrets.", "## Non-goals\n\n- ",
    "\u202e", "\u200b", "\ufeff", "\x7f", "\x85", "\u2028", "\ud7ff", "é", "{{ x }}", "{% raw %}", "<# #>", "$PORT", "~~~",
))
TEXT = st.lists(NASTY | st.text(max_size=12), max_size=14).map("".join)
