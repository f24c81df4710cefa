FROM python:3.12-slim
RUN python -m venv /opt/venv
RUN /opt/venv/bin/pip install six==1.16.0
RUN /opt/venv/bin/python -m pip install six==1.16.0
RUN uv pip install --system six
ENV PATH=/root/.local/bin:/usr/local/cuda-12.4/bin:$PATH
RUN uv pip install --system six
ENV PATH=/opt/venv/bin:$PATH
RUN uv pip install --system six
RUN /usr/local/bin/pip install six
RUN pip install six
RUN python -m pip install six
ENV PATH=/opt/tools/bin:$PATH
RUN pip install six
RUN python3 -m pip install six
RUN python -m pip install six
