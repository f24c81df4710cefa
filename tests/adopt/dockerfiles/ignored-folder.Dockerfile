FROM python:3.12
COPY lib /lib2
