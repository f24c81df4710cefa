FROM node:22 AS front
RUN npm ci
FROM python:3.12 AS unused
FROM python:3.12-slim
RUN echo only
