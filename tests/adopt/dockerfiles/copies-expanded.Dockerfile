FROM python:3.12-slim
ARG NAME=main
ARG DIR=lib
ARG UNSET
ENV KIND=py
COPY --chown=1000:1000 ${NAME}.${KIND} $DIR /x/
COPY --chown=1000:1000 ["${NAME}.py", "/y/"]
COPY --chown=1000:1000 $FROM_BASE.py /x/
COPY --chown=1000:1000 $UNSET.py /x/
COPY --exclude=*.txt ${DIR} /z/
