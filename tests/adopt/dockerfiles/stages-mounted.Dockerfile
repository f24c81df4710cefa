FROM python:3.12 AS build
FROM python:3.12
RUN --mount=type=bind,from=build,target=/b ls /b
