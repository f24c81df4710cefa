FROM python:3.12@sha256:0000000000000000000000000000000000000000000000000000000000000000 AS build
COPY data.txt dat.txt /
ADD ../outside.txt /
ADD https://files.example/x.txt /
COPY --from=build /a /b
COPY --chown=1:1 ["my file", "/my file"]
