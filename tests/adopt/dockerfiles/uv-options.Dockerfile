FROM python:3.12-slim
RUN uv pip install --system --prerelease allow six
RUN uv pip install --system --prerelease=if-necessary six
RUN uv pip install --system --torch-backend cu128 --reinstall-package torch torch
RUN uv pip install --system --progress-bar off six
RUN uv pip install --system --default-index https://example.com/simple six
RUN pip install --prerelease allow six
RUN pip install --no-binary-package six six
