"""Patterns in a matcher."""
import modal
from modal import FilePatternMatcher

image = modal.Image.debian_slim("3.12").add_local_dir("data", "/data", ignore=FilePatternMatcher("*.log", "deep"))
