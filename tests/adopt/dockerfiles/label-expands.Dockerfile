FROM python:3.12
LABEL l=$A
LABEL plain=1
ENV A=1
