FROM python:3.12
RUN uv pip install six
