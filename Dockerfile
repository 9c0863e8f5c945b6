# Two stages: the first installs the pinned dependencies, the second holds them and the code.
FROM python:3.12-slim AS build
WORKDIR /app
COPY requirements.txt .
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --require-hashes -r requirements.txt

FROM python:3.12-slim
RUN useradd --create-home --uid 10001 avatar && mkdir /data && chown avatar /data
WORKDIR /app
COPY --from=build /venv /venv
COPY avatar avatar
COPY backends backends
COPY bot bot
COPY jobs jobs
COPY modelserver modelserver
COPY storage storage
COPY examples examples
USER avatar
VOLUME /data
ENV DATABASE_URL=sqlite+aiosqlite:////data/avatar.db PYTHONUNBUFFERED=1
ENTRYPOINT ["/venv/bin/python", "-m", "bot"]
