FROM python:3.12
ENTRYPOINT ["/usr/bin/python3", "main.py"]
