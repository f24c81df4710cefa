FROM python:3.12
COPY . /app
WORKDIR /app
RUN pip install -e .
RUN pip install .[dev]
RUN pip install --user six
RUN pip install torch>=2
RUN pip install -r nested.txt
RUN pip install -r nowhere.txt
RUN pip install -c requirements.txt six
RUN pip install six | tee log
