# The light server: answers photos at port 8000, without PyTorch, as a user who owns nothing.
#
#   docker build --tag florascope .
#   docker run --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges \
#     --publish 8000:8000 florascope
#
# Options of `florascope serve` follow the image's name. Your own model:
#   docker run ... --volume "$PWD/runs/mine:/model:ro" florascope --model /model
# Called by another name than localhost, it needs --allow-host NAME.

FROM python:3.13-slim AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN python -m venv /opt/florascope \
  && /opt/florascope/bin/pip install --no-cache-dir ".[serve]"

FROM python:3.13-slim
COPY --from=build /opt/florascope /opt/florascope
ENV PATH="/opt/florascope/bin:$PATH" \
  FLORASCOPE_CACHE="/tmp/florascope" \
  PYTHONUNBUFFERED="1"
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
  CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
ENTRYPOINT ["florascope", "serve", "--host", "0.0.0.0", "--port", "8000"]
