FROM python:3.12
LABEL version=1 title="A title"
EXPOSE 8000/tcp
RUN echo 1
HEALTHCHECK --interval=5s CMD true
STOPSIGNAL SIGINT
VOLUME /data
ENV A=1
