# obskit from a checkout: for the relay and the sample service of compose.yml.
FROM python:3.12-slim
RUN useradd --system --uid 1000 --home-dir /var/lib/obskit --create-home obskit
WORKDIR /opt/obskit
COPY . .
RUN pip install --no-cache-dir --constraint constraints.txt . prometheus-client
USER obskit
