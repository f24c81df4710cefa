FROM python:3.12
ENV PATH="/venv/bin:$PATH"
RUN python -m venv /venv
RUN pip install six
