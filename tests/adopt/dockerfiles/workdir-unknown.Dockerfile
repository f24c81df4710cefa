FROM example.com/team/image:1
WORKDIR app
COPY main.py .
WORKDIR /known
COPY main.py .
