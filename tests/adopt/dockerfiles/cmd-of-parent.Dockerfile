FROM python:3.12 AS a
CMD ["old"]
FROM a
ENTRYPOINT ["/setup.sh"]
