FROM python:3.12
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
RUN ["python", "-c", "print(1)"]
ENTRYPOINT python main.py
CMD serve "a b"
