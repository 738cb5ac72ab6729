# One image for all three processes; docker-compose.yml gives each its command from the Procfile.
FROM python:3.11-slim

ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
# A number, because some orchestrators want to see that it isn't root's.
RUN useradd --system --uid 10001 --user-group --no-create-home scoreboard
WORKDIR /srv/scoreboard

COPY requirements.txt .
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.txt

COPY alembic.ini wsgi.py ./
COPY app app
COPY broadcaster broadcaster
COPY config config
COPY migrations migrations
COPY deploy/alive.py deploy/alive.py
# Now, since the processes may write nowhere but to /tmp.
RUN python -m compileall -q app broadcaster config migrations wsgi.py

USER 10001
ENV HOST=0.0.0.0
EXPOSE 8000 8001
# Whether it answers, not whether PostgreSQL and Redis do: a restart would mend neither.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --start-interval=1s \
    CMD ["python", "deploy/alive.py", "PORT", "8000"]
CMD ["gunicorn", "--config", "config/gunicorn.py", "wsgi:app"]
