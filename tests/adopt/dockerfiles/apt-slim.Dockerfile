FROM debian:12
RUN apt-get update && apt-get install -y --no-install-recommends python3 git
RUN apt-get update; apt-get install --no-install-recommends -yq curl; apt-get clean
