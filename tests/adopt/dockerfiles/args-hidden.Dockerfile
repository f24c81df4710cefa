FROM python:3.12
ARG A=arg
ENV A=env
RUN echo $A
