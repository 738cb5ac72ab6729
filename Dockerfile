# One image for all three processes; docker-compose.yml starts each with its command of the Procfile.
FROM python:3.11.15-slim-bookworm

ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
# A numeric user, because some orchestrators verify from the number that it isn't root.
RUN useradd --system --uid 10001 --user-group --no-create-home scoreboard
WORKDIR /srv/scoreboard

COPY requirements.txt .
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.txt

COPY alembic.ini wsgi.py ./
COPY app app
COPY broadcaster broadcaster
# The page's scripts.
COPY clients/js/src clients/js/src
COPY config config
COPY migrations migrations
COPY deploy/alive.py deploy/alive.py
# Compiled now, because the processes can only write to /tmp.
RUN python -m compileall -q app broadcaster config migrations wsgi.py

USER 10001
ENV HOST=0.0.0.0
EXPOSE 8000 8001
# Checks the process, not PostgreSQL and Redis: restarting the container would repair neither.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --start-interval=1s \
    CMD ["python", "deploy/alive.py", "PORT", "8000"]
CMD ["gunicorn", "wsgi:app"]
