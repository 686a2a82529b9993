# One image for all processes: a worker by default, `leadgen serve` for HTTP, `leadgen db upgrade` for the tables.

FROM python:3.13.7-slim-trixie AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /build
RUN python -m venv /opt/leadgen
COPY requirements/runtime.txt requirements/
RUN /opt/leadgen/bin/pip install --require-hashes --requirement requirements/runtime.txt
COPY pyproject.toml README.md ./
COPY src src
RUN /opt/leadgen/bin/pip install --no-deps --no-build-isolation .

FROM python:3.13.7-slim-trixie
RUN useradd --system --uid 10001 --create-home leadgen
COPY --from=build /opt/leadgen /opt/leadgen
ENV PATH=/opt/leadgen/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    LEADGEN_LOG_FORMAT=json \
    LEADGEN_METRICS_ADDRESS=0.0.0.0:9464
USER leadgen
WORKDIR /home/leadgen
EXPOSE 8000 9464 9465
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:9464/metrics', timeout=4)"]
CMD ["leadgen", "worker"]
