FROM python:3.12
WORKDIR /app
COPY main.py renamed.py
COPY main.py setup.sh scripts/
COPY lib .
COPY ["main.py", "/a b/"]
COPY main.py /tmp
ADD main.py /added.py
COPY --link main.py /linked.py
COPY ./lib/deep/ /deep
