"""Everything of modal."""
from modal import *

image = Image.debian_slim("3.12").env({"B": "2", "A": "1"})
