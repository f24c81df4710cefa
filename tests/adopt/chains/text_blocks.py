"""Commands of several lines, and what YAML could misread."""
from textwrap import dedent

import modal

SCRIPT = """
    set -e
    echo "it's $HOME"
"""
image = (
    modal.Image.debian_slim("3.12")
    .run_commands(dedent(SCRIPT), "echo 'a: b' # no comment", "echo \\ é \t |", "- x", "yes", "  spaces  ")
    .env({"ON": "yes", "N": "3.10", "NULL": "~", "EMPTY": "", "DOLLAR": "$PATH:\\$x", "COLON": "a: b", "TAB": "a\tb"})
)
