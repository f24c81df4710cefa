FROM python:3.12
CMD ["first"]
ENTRYPOINT ["/setup.sh"]
CMD ["last"]
