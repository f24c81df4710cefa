ARG TOKEN
FROM python:3.12 AS build
ARG WHEELS=/wheels
RUN pip wheel -w $WHEELS six
FROM python:3.12-slim
COPY --from=build /wheels /wheels
RUN pip install /wheels/*
