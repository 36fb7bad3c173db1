# syntax=docker/dockerfile:1
# Three images of one source:
#   docker build --target collector    -t driftmeter/collector .
#   docker build --target service      -t driftmeter/service .
#   docker build --target service-cuda -t driftmeter/service-cuda .
# None needs a shell, a writable root or a user with rights; what is written goes to /tmp and /data.
# What is in them is pinned with hashes, Python's image below and packages in locks/; each has its bill of
# materials in /opt/driftmeter/sbom.cdx.json. One of the whole image, its system included, comes along
# with `docker buildx build --sbom=true --provenance=true`.

# Anew: `docker buildx imagetools inspect python:3.13-slim` says the digest for all platforms.
ARG BASE=python:3.13.15-slim-trixie@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b

FROM ${BASE} AS build
WORKDIR /build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/driftmeter
ENV PATH=/opt/driftmeter/bin:$PATH
COPY locks locks

FROM build AS build-collector
RUN pip install --require-hashes --no-deps -r locks/collector.txt
COPY pyproject.toml README.md LICENSE ./
COPY detectors detectors
COPY alerts alerts
COPY monitor monitor
COPY dashboards dashboards
RUN pip install --no-deps --no-build-isolation . && python locks/sbom.py > /opt/driftmeter/sbom.cdx.json

FROM build AS build-service
RUN pip install --require-hashes --no-deps -r locks/service.txt
COPY --from=build-collector /build /build
RUN pip install --no-deps --no-build-isolation . && python locks/sbom.py > /opt/driftmeter/sbom.cdx.json

FROM build AS build-service-cuda
RUN pip install --require-hashes --no-deps -r locks/service-cuda.txt
COPY --from=build-collector /build /build
RUN pip install --no-deps --no-build-isolation . && python locks/sbom.py > /opt/driftmeter/sbom.cdx.json

FROM ${BASE} AS runtime
LABEL org.opencontainers.image.title="Driftmeter" \
      org.opencontainers.image.description="Tells early, and without crying wolf, that a model is being carried off course." \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV PATH=/opt/driftmeter/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 65534:65534
WORKDIR /tmp
STOPSIGNAL SIGTERM
ENTRYPOINT ["driftmeter"]
CMD ["--help"]

FROM runtime AS collector
COPY --from=build-collector /opt/driftmeter /opt/driftmeter
CMD ["collect", "--help"]

FROM runtime AS service-cuda
COPY --from=build-service-cuda /opt/driftmeter /opt/driftmeter

# The last one is what a plain `docker build` makes.
FROM runtime AS service
COPY --from=build-service /opt/driftmeter /opt/driftmeter
