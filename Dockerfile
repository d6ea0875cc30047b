# The Communication Agent: the locked run-time set with hashes, a user of its own, nothing to write but /data and /tmp.
FROM python:3.11-slim AS build

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/agent
WORKDIR /source
COPY requirements.txt ./
RUN /opt/agent/bin/pip install --require-hashes --requirement requirements.txt
COPY pyproject.toml README.md ./
COPY src ./src
RUN /opt/agent/bin/pip install --no-deps --no-build-isolation . && /opt/agent/bin/communication-agent version

FROM python:3.11-slim

RUN useradd --system --uid 10001 --create-home --home-dir /data --shell /usr/sbin/nologin agent && chmod 700 /data
COPY --from=build /opt/agent /opt/agent
ENV PATH=/opt/agent/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 COMMUNICATION_AGENT_HOME=/data
WORKDIR /data
USER agent
VOLUME /data
EXPOSE 8080

# The console listens on the container's loopback, and so does its health.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ.get('HEALTH_PORT', '8080') + '/health', timeout=4)"]

# SIGTERM drains within 30 seconds: give it 40 before you kill it.
STOPSIGNAL SIGTERM
ENTRYPOINT ["communication-agent"]
CMD ["run"]
