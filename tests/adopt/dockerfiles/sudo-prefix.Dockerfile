FROM python:3.12
RUN DEBIAN_FRONTEND=noninteractive apt-get update && DEBIAN_FRONTEND=noninteractive apt-get -y install git
RUN PIP_X=1 pip install six
