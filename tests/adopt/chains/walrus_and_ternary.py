"""Assignment inside of expressions."""
import modal

image = (base := modal.Image.debian_slim("3.12")).env({"A": "1"} if (n := 2) > 1 else {}).env({"N": str(n)})
