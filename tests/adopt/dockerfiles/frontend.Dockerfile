# syntax=example.com/frontend:1
FROM python:3.12
