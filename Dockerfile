# The pinned dependencies are installed in stages of their own; what runs holds them and the code.
#   docker build -t avatar-bot .                       the bot
#   docker build --target lora -t avatar-bot-lora .    the model server with the engine lora
FROM python:3.12-slim AS installed
COPY requirements.txt .
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --require-hashes -r requirements.txt

FROM python:3.12-slim AS installed-lora
COPY requirements-lora.txt .
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --require-hashes -r requirements-lora.txt

# Nothing is written outside of /data and /tmp: the root can be read-only.
FROM python:3.12-slim AS code
RUN useradd --create-home --uid 10001 avatar && mkdir /data && chown avatar /data
WORKDIR /app
COPY avatar avatar
COPY backends backends
COPY bot bot
COPY jobs jobs
COPY modelserver modelserver
COPY storage storage
COPY examples examples
RUN python -m compileall -q .
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER avatar
VOLUME /data

FROM code AS lora
COPY --from=installed-lora /venv /venv
ENV HF_HOME=/data/hub
EXPOSE 8080
ENTRYPOINT ["/venv/bin/python", "-m", "modelserver", "--engine", "lora", "--data", "/data/models"]

FROM code AS bot
COPY --from=installed /venv /venv
ENV DATABASE_URL=sqlite+aiosqlite:////data/avatar.db HTTP_HOST=0.0.0.0 HTTP_PORT=8080
EXPOSE 8080
# Nothing but Python is needed to ask.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["/venv/bin/python", "-c", "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ[\"HTTP_PORT\"]}/healthz', timeout=4)"]
ENTRYPOINT ["/venv/bin/python", "-m", "bot"]
