"""A Dockerfile of the project."""
import modal

image = modal.Image.from_dockerfile("Dockerfile", build_args={"TAG": "3.12", "GREETING": "hi"}, ignore=["*.log"])
plain = modal.Image.from_dockerfile("./plain.Dockerfile", add_python="3.12").env({"A": "1"})
