FROM python:3.12 AS Base
ARG A=1
RUN echo base
FROM base AS middle
RUN echo middle $A
FROM middle
RUN echo last
