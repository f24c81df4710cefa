FROM python:3.12
ONBUILD RUN echo later
RUN echo now
