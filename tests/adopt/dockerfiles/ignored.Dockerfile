FROM python:3.12
COPY . /app
COPY lib /lib2/lib
COPY lib/deep /deep
