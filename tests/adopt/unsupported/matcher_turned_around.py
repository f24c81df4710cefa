import modal

image = modal.Image.debian_slim("3.12").add_local_dir("data", "/data", ignore=~modal.FilePatternMatcher("**/*.py"))
