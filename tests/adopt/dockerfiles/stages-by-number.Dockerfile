FROM python:3.12
FROM debian:12
COPY --from=0 /usr/local /usr/local
