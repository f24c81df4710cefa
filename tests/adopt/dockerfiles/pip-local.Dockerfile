FROM python:3.12-slim
WORKDIR /app
COPY main.py six-1.0-py3-none-any.whl
RUN pip install six-1.0-py3-none-any.whl
RUN pip install "six-1.0-py3-none-any.whl[extra]" torch
RUN pip install ./lib
RUN pip install lib/
RUN pip install six-1.0.tar.gz
RUN pip install "six @ ./lib"
RUN pip install https://example.com/six-1.0-py3-none-any.whl
RUN pip install "six @ https://example.com/six-1.0.zip"
