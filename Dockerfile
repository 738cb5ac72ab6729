# One image for all three processes; docker-compose.yml gives each its command from the Procfile.
FROM python:3.11-slim

ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
RUN useradd --system --user-group --no-create-home scoreboard
WORKDIR /srv/scoreboard

COPY requirements.txt .
RUN pip install --no-cache-dir --disable-pip-version-check -r requirements.txt

COPY alembic.ini wsgi.py ./
COPY app app
COPY broadcaster broadcaster
COPY config config
COPY migrations migrations

USER scoreboard
ENV HOST=0.0.0.0
EXPOSE 8000 8001
CMD ["gunicorn", "--config", "config/gunicorn.py", "wsgi:app"]
