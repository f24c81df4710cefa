FROM python:3.12
ENV PATH="/venv/bin:$PATH"
RUN pip install six
RUN python -m venv /venv
RUN pip install six
ENV VIRTUAL_ENV=/opt/other
RUN uv venv $VIRTUAL_ENV
ENV PATH="$VIRTUAL_ENV/bin:$PATH"
RUN pip install six
RUN virtualenv -p python3 "${VIRTUAL_ENV}" --clear && rm -r /x
ENV PATH=/opt/conda/bin:$PATH
RUN pip install six
