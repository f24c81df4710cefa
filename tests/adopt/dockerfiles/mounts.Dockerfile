FROM python:3.12
RUN --mount=type=cache,target=/root/.cache/pip pip install six
RUN --mount=type=bind,source=requirements.txt,target=/r.txt pip install -r /r.txt
RUN --mount=type=secret,id=token cat /run/secrets/token
RUN --network=none echo quiet
