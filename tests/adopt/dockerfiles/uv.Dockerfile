FROM python:3.12
COPY --from=ghcr.io/astral-sh/uv:0.9.10 /uv /bin/
ENV UV_SYSTEM_PYTHON=1
COPY requirements.txt /tmp/deps/requirements.txt
RUN uv pip install -r /tmp/deps/requirements.txt six==1.16.0
RUN uv pip install --system --torch-backend=auto torch
RUN uv sync --frozen
